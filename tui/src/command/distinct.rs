//! Checks, before anything is written, that the files that a command reads and writes are
//! pairwise distinct.

use std::path::{Path, PathBuf};

use crate::identity::{Identity, PathIdentity};
use crate::outcome::Failure;
use crate::printable;

/// The files of a command, each with its role.
///
/// Two paths are the same file if they lead to the same existing file (by a hard link or
/// a symbolic link), or if they are the same name in the same folder, whether the file
/// exists or not.
#[derive(Debug, Default)]
pub struct Files {
    files: Vec<NamedFile>,
}

#[derive(Debug)]
struct NamedFile {
    role: &'static str,
    path: PathBuf,
    is_written: bool,
    target: Option<Identity>,
    place: Option<PathIdentity>,
}

impl Files {
    /// Adds a file that is read.
    pub fn read(&mut self, role: &'static str, path: &Path) {
        self.add(role, path, false);
    }

    /// Adds a file that is written.
    pub fn write(&mut self, role: &'static str, path: &Path) {
        self.add(role, path, true);
    }

    /// Adds standard input if it is a file.
    pub fn read_standard_input(&mut self) {
        let target = Identity::of_standard_input();
        if target.is_some() {
            let path = PathBuf::from("-");
            let role = "standard input";
            self.files.push(NamedFile { role, path, is_written: false, target, place: None });
        }
    }

    fn add(&mut self, role: &'static str, path: &Path, is_written: bool) {
        let place = PathIdentity::of(path);
        let target = Identity::of_path(path);
        self.files.push(NamedFile { role, path: path.to_path_buf(), is_written, target, place });
    }

    /// Refuses two paths to the same file if at least one of them is written.
    ///
    /// # Errors
    /// [`Failure::Usage`].
    pub fn check(&self) -> Result<(), Failure> {
        for (number, file) in self.files.iter().enumerate() {
            for other in self.files.iter().skip(number + 1) {
                if (file.is_written || other.is_written) && file.is_same_file(other) {
                    return Err(Failure::usage(format!(
                        "{} and {} are the same file: {}",
                        file.role,
                        other.role,
                        printable::path(&other.path)
                    )));
                }
            }
        }
        Ok(())
    }
}

impl NamedFile {
    fn is_same_file(&self, other: &Self) -> bool {
        (self.target.is_some() && self.target == other.target)
            || (self.place.is_some() && self.place == other.place)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn are_distinct(read: &[&Path], written: &[&Path]) -> bool {
        let mut files = Files::default();
        read.iter().for_each(|path| files.read("an input", path));
        written.iter().for_each(|path| files.write("an output", path));
        files.check().is_ok()
    }

    #[test]
    fn an_existing_file_is_recognized_by_every_name_and_a_missing_one_by_its_folder_and_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let (file, other, new) = (path("file"), path("other"), path("new"));
        fs::write(&file, "").unwrap();
        fs::write(&other, "").unwrap();
        assert!(are_distinct(&[&file], &[&other, &new]));
        assert!(are_distinct(&[&file, &file], &[]), "reading twice is fine");
        fs::create_dir(path("folder")).unwrap();
        for (one, two) in [("new", "new"), ("new", "folder/../new"), ("file", "./file")] {
            assert!(!are_distinct(&[], &[&path(one), &path(two)]), "{one} and {two}");
            assert!(!are_distinct(&[&path(one)], &[&path(two)]), "{one} and {two}");
        }
        #[cfg(unix)]
        {
            fs::hard_link(&file, path("second name")).unwrap();
            std::os::unix::fs::symlink(&file, path("link")).unwrap();
            std::os::unix::fs::symlink(path("folder"), path("folder 2")).unwrap();
            for (one, two) in
                [("file", "second name"), ("link", "file"), ("folder/new", "folder 2/new")]
            {
                assert!(!are_distinct(&[], &[&path(one), &path(two)]), "{one} and {two}");
            }
        }
    }
}
