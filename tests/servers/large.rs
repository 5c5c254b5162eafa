//! Two gigabytes: the memory that packing into a store takes, and its speed compared
//! with a plain upload of the finished pack. Takes minutes; runs on request only:
//!
//! ```text
//! SEALPACK_LARGE=1 tests/run remote
//! ```

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sealpack_tests::child::Spawn as _;

use super::command::sealpack;
use super::item;
use super::start::{Server, ServerKind};

const TOTAL: u64 = 2_000_000_000;
const MAX_MEMORY_KIB: u64 = 64 << 10;
/// The time limit of each process.
const PROCESS_LIMIT: Duration = Duration::from_secs(20 * 60);

/// Packs two gigabytes of framed items. Returns the peak memory of the process in
/// KiB, and the time.
fn pack(server: &Server, output: &str, options: &str) -> (u64, Duration) {
    let args = format!("pack --framed - -o {output} --codec none --force {options}");
    let started = Instant::now();
    let mut child = sealpack(server, &args).stdin(Stdio::piped()).start();
    child = child.with_limit(PROCESS_LIMIT);
    let mut stdin = child.stdin();
    // 128 items of 8 KiB, a record of 1 MiB.
    let item = item(1, 8 << 10);
    let frame = [&(8u32 << 10).to_le_bytes()[..], &item].concat().repeat(128);
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let mut sample = || {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let found = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        peak = peak.max(found.unwrap_or(0));
    };
    for _ in 0..TOTAL.div_ceil(1 << 20) {
        stdin.write_all(&frame).unwrap();
        sample();
    }
    drop(stdin);
    while child.is_running() && started.elapsed() < PROCESS_LIMIT {
        sample();
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = child.end();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (peak, started.elapsed())
}

#[test]
#[ignore = "minutes: SEALPACK_LARGE=1 tests/run remote"]
fn two_gigabytes_are_uploaded_in_64_megabytes_of_memory() {
    if std::env::var_os("SEALPACK_LARGE").is_none() {
        return;
    }
    let server = Server::start(ServerKind::S3sFs);
    let (memory, packed) = pack(&server, "s3://bucket/large.pack", "");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("large.pack");
    let (_, to_file) = pack(&server, &file.display().to_string(), "");
    let started = Instant::now();
    let plain = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "large::plain_upload", "--nocapture"])
        .env("SEALPACK_PLAIN_ENDPOINT", server.endpoint())
        .env("SEALPACK_PLAIN_FILE", &file)
        .stdout(Stdio::piped())
        .start()
        .with_limit(PROCESS_LIMIT)
        .end();
    assert!(plain.status.success(), "{}", String::from_utf8_lossy(&plain.stdout));
    let plain = started.elapsed();
    let seconds = |time: Duration| format!("{:.2} s", time.as_secs_f64());
    println!(
        "memory {:.1} MiB; packed into the store in {}, into a file in {}; the finished \
         file by a plain multipart upload in {}: packing and uploading take {:.2} of that",
        memory as f64 / 1024.0,
        seconds(packed),
        seconds(to_file),
        seconds(plain),
        packed.as_secs_f64() / plain.as_secs_f64(),
    );
    assert!(memory <= MAX_MEMORY_KIB, "{memory} KiB");
}

/// The baseline of the comparison: `object_store`'s own writer, with parts of the
/// same size, three in flight.
#[test]
#[ignore = "run by the test above"]
fn plain_upload() {
    use object_store::aws::AmazonS3Builder;
    use object_store::{ObjectStoreExt as _, WriteMultipart};
    use std::io::Read as _;

    let Some(endpoint) = std::env::var_os("SEALPACK_PLAIN_ENDPOINT") else { return };
    let file = std::env::var_os("SEALPACK_PLAIN_FILE").unwrap();
    drop(rustls::crypto::ring::default_provider().install_default());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = AmazonS3Builder::new()
            .with_endpoint(endpoint.into_string().unwrap())
            .with_allow_http(true)
            .with_region("us-east-1")
            .with_bucket_name(super::start::BUCKET)
            .with_access_key_id(super::start::KEY)
            .with_secret_access_key(super::start::SECRET)
            .build()
            .unwrap();
        let upload = store.put_multipart(&"plain.pack".into()).await.unwrap();
        let mut upload = WriteMultipart::new_with_chunk_size(upload, 8 << 20);
        let mut file = std::fs::File::open(file).unwrap();
        let mut part = vec![0; 8 << 20];
        loop {
            let read = file.read(&mut part).unwrap();
            if read == 0 {
                break;
            }
            upload.wait_for_capacity(3).await.unwrap();
            upload.write(&part[..read]);
        }
        upload.finish().await.unwrap();
    });
}
