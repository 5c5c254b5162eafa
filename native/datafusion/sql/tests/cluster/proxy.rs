//! A proxy before a server, which counts requests and may delay each of them: so that a
//! test can act in the middle of a query.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// A proxy on loopback. Its threads end with their connections.
pub struct SlowProxy {
    pub port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    requests: AtomicUsize,
    delay_ms: AtomicU64,
}

impl SlowProxy {
    /// Starts a proxy before the server at `port`.
    pub fn start(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let own = listener.local_addr().unwrap().port();
        let state = Arc::new(State::default());
        let shared = state.clone();
        thread::spawn(move || {
            for client in listener.incoming() {
                let (Ok(client), Ok(server)) = (client, TcpStream::connect(("127.0.0.1", port)))
                else {
                    continue;
                };
                connect(client, server, &shared);
            }
        });
        Self { port: own, state }
    }

    /// Delays each request from now on.
    pub fn set_delay(&self, delay: Duration) {
        self.state.delay_ms.store(u64::try_from(delay.as_millis()).unwrap(), Ordering::SeqCst);
    }

    /// The requests so far.
    pub fn requests(&self) -> usize {
        self.state.requests.load(Ordering::SeqCst)
    }
}

fn connect(client: TcpStream, server: TcpStream, state: &Arc<State>) {
    let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let state = state.clone();
    thread::spawn(move || {
        copy(from, to, |bytes| {
            let methods: [&[u8]; 5] = [b"GET ", b"HEAD ", b"PUT ", b"POST ", b"DELETE "];
            if methods.iter().any(|method| bytes.starts_with(method)) {
                state.requests.fetch_add(1, Ordering::SeqCst);
                thread::sleep(Duration::from_millis(state.delay_ms.load(Ordering::SeqCst)));
            }
        });
    });
    thread::spawn(move || copy(server, client, |_| {}));
}

/// Copies until either side ends.
fn copy(mut from: TcpStream, mut to: TcpStream, mut seen: impl FnMut(&[u8])) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        seen(&buffer[..count]);
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    drop(to.shutdown(Shutdown::Write));
    drop(from.shutdown(Shutdown::Read));
}
