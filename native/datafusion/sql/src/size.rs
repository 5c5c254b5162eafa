//! Sizes on the command line.

/// Parses a number of bytes: `256MB`, `1GiB`, `1048576`.
pub fn bytes(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let unit = text.strip_prefix(digits).unwrap_or_default();
    let factor = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        _ => return Err(format!("no such unit: {unit}; use kB, MB, GB, KiB, MiB or GiB")),
    };
    let number: u64 = digits.parse().map_err(|_| "expected a size such as 256MB".to_string())?;
    let bytes = number.checked_mul(factor).ok_or("the size exceeds 64 bits")?;
    if bytes == 0 {
        return Err("the size must not be 0".to_string());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_parsed() {
        assert_eq!(bytes("256MB"), Ok(256_000_000));
        assert_eq!(bytes("1GiB"), Ok(1 << 30));
        assert_eq!(bytes("77"), Ok(77));
        for wrong in ["", "MB", "0", "1XB", "-1", "18446744073709551615GB"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }
}
