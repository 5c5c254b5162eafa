//! Names of items as paths of files below a folder.

use std::ops::Range;

use super::report::UnpackRefusal;

/// The maximum number of bytes of a path that system calls accept.
const MAX_PATH: usize = 4095;
/// The maximum number of bytes of one component.
const MAX_COMPONENT: usize = 255;

/// Appends the path of an item's name to `to`: the components with `/` between them,
/// without `./`. Returns its range in `to`.
///
/// # Errors
/// The [`UnpackRefusal`], if the name is not that of a file below a folder.
pub(super) fn append_path(
    to: &mut Vec<u8>,
    name: &[u8],
    portable: bool,
) -> Result<Range<usize>, UnpackRefusal> {
    let start = to.len();
    let appended = append_components(to, name, portable);
    let range = start..to.len();
    let checked = appended.and(match range.len() {
        0 => Err(UnpackRefusal::Folder),
        1..=MAX_PATH => Ok(range),
        _ => Err(UnpackRefusal::TooLong),
    });
    if checked.is_err() {
        to.truncate(start);
    }
    checked
}

fn append_components(to: &mut Vec<u8>, name: &[u8], portable: bool) -> Result<(), UnpackRefusal> {
    let start = to.len();
    match name {
        b"" => return Err(UnpackRefusal::NoName),
        [b'/', ..] => return Err(UnpackRefusal::Absolute),
        _ if name.contains(&0) => return Err(UnpackRefusal::ZeroByte),
        // `a/` is a folder.
        [.., b'/'] => return Err(UnpackRefusal::Folder),
        _ => {}
    }
    for component in name.split(|byte| *byte == b'/') {
        match component {
            b"" => return Err(UnpackRefusal::EmptyComponent),
            b".." => return Err(UnpackRefusal::ParentFolder),
            b"." => continue,
            _ if component.len() > MAX_COMPONENT => return Err(UnpackRefusal::TooLong),
            _ if portable => check_portable(component)?,
            _ => {}
        }
        if to.len() > start {
            to.push(b'/');
        }
        to.extend_from_slice(component);
    }
    // `a/.` is a folder.
    if name.ends_with(b"/.") { Err(UnpackRefusal::Folder) } else { Ok(()) }
}

/// Fails for a component that some common system cannot store, or interprets
/// differently.
fn check_portable(component: &[u8]) -> Result<(), UnpackRefusal> {
    let text = std::str::from_utf8(component).map_err(|_| UnpackRefusal::NotUtf8)?;
    let reserved = |char: char| char.is_control() || "<>:\"\\|?*".contains(char);
    if text.contains(reserved) || text.ends_with(['.', ' ']) {
        return Err(UnpackRefusal::ReservedCharacter);
    }
    // Windows also opens the device for `nul.txt` and `nul .txt`.
    let stem = text.split('.').next().unwrap_or_default().trim_end().to_lowercase();
    let is_device = match stem.as_str() {
        "con" | "prn" | "aux" | "nul" | "conin$" | "conout$" => true,
        port => ["com", "lpt"].iter().any(|kind| {
            let mut rest = port.strip_prefix(kind).unwrap_or_default().chars();
            matches!((rest.next(), rest.next()), (Some('0'..='9' | '¹' | '²' | '³'), None))
        }),
    };
    if is_device { Err(UnpackRefusal::DeviceName) } else { Ok(()) }
}

/// Returns the path in lower case, for file systems that ignore case. Bytes that are not
/// UTF-8 are folded as ASCII.
pub(super) fn fold_case(path: &[u8]) -> Vec<u8> {
    match std::str::from_utf8(path) {
        Ok(text) => text.to_lowercase().into_bytes(),
        Err(_) => path.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(name: &[u8], portable: bool) -> Result<Vec<u8>, UnpackRefusal> {
        let mut to = b"before".to_vec();
        let range = append_path(&mut to, name, portable);
        assert!(range.is_ok() || to == b"before", "a refused name leaves nothing");
        range.map(|range| to[range].to_vec())
    }

    #[test]
    fn ordinary_names_are_paths_and_dot_components_are_ignored() {
        for (name, expected) in [
            (&b"a"[..], &b"a"[..]),
            (b"a/b/c.txt", b"a/b/c.txt"),
            (b"./a/./b", b"a/b"),
            (b"...", b"..."),
            (b"..a/b..", b"..a/b.."),
            (b" ", b" "),
            (b"a\\..\\b", b"a\\..\\b"),
            (b"C:\\a", b"C:\\a"),
            (b"a\n\xff", b"a\n\xff"),
        ] {
            assert_eq!(path(name, false).unwrap(), expected, "{name:?}");
        }
        assert!(path(&[b'x'; 255], false).is_ok());
        assert!(path(&[&[b'x'; 250][..]; 16].join(&b'/'), false).is_ok());
    }

    #[test]
    fn names_that_lead_out_of_the_folder_or_name_no_file_are_refused() {
        for (name, refusal) in [
            (&b""[..], "NoName"),
            (b"/", "Absolute"),
            (b"/etc/passwd", "Absolute"),
            (b"..", "ParentFolder"),
            (b"a/../b", "ParentFolder"),
            (b"../a", "ParentFolder"),
            (b"a/..", "ParentFolder"),
            (b"a//b", "EmptyComponent"),
            (b"a/", "Folder"),
            (b".", "Folder"),
            (b"./", "Folder"),
            (b"a/.", "Folder"),
            (b"a\0b", "ZeroByte"),
            (&[b'x'; 256], "TooLong"),
            (&[&[b'x'; 250][..]; 17].join(&b'/'), "TooLong"),
        ] {
            assert_eq!(format!("{:?}", path(name, false).unwrap_err()), refusal, "{name:?}");
        }
    }

    #[test]
    fn portable_names_are_valid_on_every_system() {
        for name in ["con", "NUL.txt", "a/Aux .c/b", "com1", "LPT².x", "conin$"] {
            assert!(
                matches!(path(name.as_bytes(), true), Err(UnpackRefusal::DeviceName)),
                "{name}"
            );
            assert!(path(name.as_bytes(), false).is_ok(), "{name}");
        }
        for name in ["a:b", "a\\b", "a.", "a ", "a?", "a\nb", "C:\\a", "a/x./b"] {
            let refused = path(name.as_bytes(), true);
            assert!(matches!(refused, Err(UnpackRefusal::ReservedCharacter)), "{name}");
        }
        assert!(matches!(path(b"\xff", true), Err(UnpackRefusal::NotUtf8)));
        for name in ["console", "com10", "auxiliary/a", ".con", "größe.txt", "com"] {
            assert!(path(name.as_bytes(), true).is_ok(), "{name}");
        }
    }
}
