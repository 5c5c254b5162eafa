//! Runs a program in a pseudo-terminal and reads its screen.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests panic"
)]

use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};

/// The time limit of every wait.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// A program on a terminal of its own.
pub struct Session {
    pub child: Box<dyn Child + Send + Sync>,
    master: Option<Box<dyn MasterPty + Send>>,
    keys: Box<dyn Write + Send>,
    screen: Arc<Mutex<vt100::Parser>>,
    /// The settings of the terminal before the program started.
    before: String,
    /// Whether to close the terminal, which the reader also keeps open.
    closed: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

impl Session {
    /// Starts a program.
    pub fn start(program: &str, arguments: &[&str], columns: u16, rows: u16) -> Self {
        Self::start_with(program, arguments, &[], columns, rows)
    }

    /// Starts a program with these variables in its environment.
    pub fn start_with(
        program: &str,
        arguments: &[&str],
        variables: &[(&str, &str)],
        columns: u16,
        rows: u16,
    ) -> Self {
        let pair = native_pty_system().openpty(size(columns, rows)).unwrap();
        let before = format!("{:?}", pair.master.get_termios().unwrap());
        let mut command = CommandBuilder::new(program);
        command.args(arguments);
        for name in ["NO_COLOR", "LC_ALL", "LC_CTYPE"] {
            command.env_remove(name);
        }
        let defaults = [("LANG", "C.UTF-8"), ("TERM", "xterm-256color"), ("RUST_BACKTRACE", "0")];
        for (name, value) in defaults.iter().chain(variables) {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let screen = Arc::new(Mutex::new(vt100::Parser::new(
            rows.try_into().unwrap(),
            columns.try_into().unwrap(),
            0,
        )));
        let mut output = pair.master.try_clone_reader().unwrap();
        let shown = Arc::clone(&screen);
        let closed = Arc::new(AtomicBool::new(false));
        let is_closed = Arc::clone(&closed);
        let reader = thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = output.read(&mut bytes) {
                shown.lock().unwrap().process(&bytes[..read]);
                if is_closed.load(Ordering::SeqCst) {
                    return;
                }
            }
        });
        let keys = pair.master.take_writer().unwrap();
        Self {
            child,
            master: Some(pair.master),
            keys,
            screen,
            before,
            closed,
            reader: Some(reader),
        }
    }

    /// Types text.
    pub fn type_keys(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Resizes the terminal.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        let (width, height) = (columns.try_into().unwrap(), rows.try_into().unwrap());
        self.screen.lock().unwrap().screen_mut().set_size(height, width);
        self.master.as_ref().unwrap().resize(size(columns, rows)).unwrap();
    }

    /// Closes the terminal. The reader notices it when the program answers `key`
    /// with another screen.
    pub fn close(&mut self, key: &str) {
        self.closed.store(true, Ordering::SeqCst);
        self.type_keys(key);
        let reader = self.reader.take().unwrap();
        let started = Instant::now();
        while !reader.is_finished() {
            assert!(started.elapsed() < TIME_LIMIT, "no answer to “{key}”\n{}", self.screen());
            thread::sleep(Duration::from_millis(5));
        }
        reader.join().unwrap();
        self.master = None;
        self.keys = Box::new(std::io::sink());
    }

    /// The text on the screen.
    pub fn screen(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// Examines the cells of the screen.
    pub fn with_screen<T>(&self, look: impl FnOnce(&vt100::Screen) -> T) -> T {
        look(self.screen.lock().unwrap().screen())
    }

    /// Waits until the screen contains a text.
    pub fn wait_for(&self, text: &str) {
        self.wait_until(text, |screen| screen.contents().contains(text));
    }

    /// Waits until the screen satisfies a condition.
    pub fn wait_until(&self, what: &str, is_so: impl Fn(&vt100::Screen) -> bool) {
        let started = Instant::now();
        while !self.with_screen(&is_so) {
            assert!(started.elapsed() < TIME_LIMIT, "no “{what}” on\n{}", self.screen());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until the terminal shows the main screen again, with the cursor and without
    /// mouse reports.
    pub fn wait_for_the_shell(&self) {
        self.wait_until("screen of the shell", is_given_back);
    }

    /// The foreground process group.
    pub fn foreground(&self) -> i32 {
        self.master.as_ref().unwrap().process_group_leader().unwrap()
    }

    /// Sends a signal to the program.
    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        let id = nix::unistd::Pid::from_raw(self.child.process_id().unwrap().try_into().unwrap());
        nix::sys::signal::kill(id, signal).unwrap();
    }

    /// Waits for the program's end.
    pub fn wait(&mut self) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(started.elapsed() < TIME_LIMIT, "it does not end\n{}", self.screen());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Whether the terminal is restored: its settings, screen, cursor and mouse reports.
    pub fn assert_sane(&self) {
        let after = format!("{:?}", self.master.as_ref().unwrap().get_termios().unwrap());
        assert_eq!(after, self.before);
        self.wait_for_the_shell();
    }
}

fn is_given_back(screen: &vt100::Screen) -> bool {
    !screen.alternate_screen()
        && !screen.hide_cursor()
        && !screen.bracketed_paste()
        && screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None
}
