//! Names the machine that the figures were taken on.

use std::fs;

use serde_json::{Value, json};

/// Instructions that the speed depends on, where the processor has them.
fn features() -> Vec<&'static str> {
    let mut found = Vec::new();
    #[cfg(target_arch = "x86_64")]
    {
        let known = [
            ("AVX2", std::arch::is_x86_feature_detected!("avx2")),
            ("AVX-512", std::arch::is_x86_feature_detected!("avx512f")),
            ("SHA-NI", std::arch::is_x86_feature_detected!("sha")),
        ];
        found.extend(known.into_iter().filter_map(|(name, has)| has.then_some(name)));
    }
    #[cfg(target_arch = "aarch64")]
    if std::arch::is_aarch64_feature_detected!("sha2") {
        found.push("SHA2");
    }
    found
}

fn processor() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = info.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split(':').nth(1)).map_or("unknown", str::trim)
    };
    // Hypervisors often replace the name by a vague one; the numbers are exact.
    let (family, model) = (field("cpu family"), field("model\t"));
    format!("{} (family {family}, model {model})", field("model name"))
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

pub fn as_text() -> String {
    let instructions = features().join(", ");
    format!("{}, {}, {} cores, {}", processor(), std::env::consts::ARCH, cores(), instructions)
}

pub fn as_json() -> Value {
    json!({ "processor": processor(), "features": features(), "cores": cores() })
}
