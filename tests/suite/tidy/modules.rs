//! Which source file uses which: the `crate::`, `super::` and `self::` paths
//! and the module names of a package, followed through re-exports to the file
//! that defines the item.

use std::collections::{BTreeMap, BTreeSet};

use super::{root, sources};

/// The source files of one package, by module path: `["read", "scan"]`.
pub(super) struct Package {
    files: BTreeMap<Vec<String>, Source>,
}

struct Source {
    /// Below the package's `src`.
    path: String,
    tokens: Vec<String>,
    /// The names that its `use` declarations bring in, each with its full path.
    imports: BTreeMap<String, Import>,
}

struct Import {
    path: Vec<String>,
    is_public: bool,
}

impl Package {
    /// `files` are paths below `src` and their texts.
    pub(super) fn new(files: &[(String, String)]) -> Self {
        let mut sources = BTreeMap::new();
        let mut modules_for_tests = BTreeSet::new();
        for (path, text) in files {
            let module = module_of(path);
            let (tokens, test_modules) = without_tests(tokens(text));
            modules_for_tests
                .extend(test_modules.into_iter().map(|name| [&module[..], &[name]].concat()));
            let source = Source { path: path.clone(), tokens, imports: BTreeMap::new() };
            sources.insert(module, source);
        }
        sources.retain(|module, _| !modules_for_tests.iter().any(|test| module.starts_with(test)));
        let mut package = Self { files: sources };
        let modules: Vec<Vec<String>> = package.files.keys().cloned().collect();
        for module in modules {
            let imports = package.imports(&module);
            package.files.get_mut(&module).unwrap().imports = imports;
        }
        package
    }

    /// Each file with the files that it uses. A re-export alone does not count as a use: a
    /// file that imports an item through it uses the file that defines the item. It counts
    /// if the file that re-exports the item also uses it.
    pub(super) fn uses(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut uses = BTreeMap::new();
        for (module, source) in &self.files {
            let occurrences = |name: &str| source.tokens.iter().filter(|&it| it == name).count();
            let used = source
                .imports
                .iter()
                .filter(|(name, import)| !import.is_public || occurrences(name) > 1);
            let imported = used.map(|(_, import)| import.path.clone());
            let named = self.named_paths(module, source);
            let targets = imported.chain(named).filter_map(|path| self.defining_file(&path));
            let others = targets.filter(|target| *target != source.path);
            uses.insert(source.path.clone(), others.collect());
        }
        uses
    }

    /// The absolute path that `path` means in a module; `None` if it leaves the package.
    fn absolute(&self, module: &[String], path: &[String]) -> Option<Vec<String>> {
        let (first, rest) = path.split_first()?;
        let mut base = match first.as_str() {
            "crate" => Vec::new(),
            "self" => module.to_vec(),
            "super" => module.split_last()?.1.to_vec(),
            child => {
                let child = [module, &[child.to_string()]].concat();
                return self.files.contains_key(&child).then(|| [&child[..], rest].concat());
            }
        };
        let mut rest = rest;
        while rest.first().is_some_and(|word| word == "super") {
            base.pop();
            rest = &rest[1..];
        }
        Some([&base[..], rest].concat())
    }

    fn imports(&self, module: &[String]) -> BTreeMap<String, Import> {
        let tokens = &self.files[module].tokens;
        let mut imports = BTreeMap::new();
        let mut at = 0;
        while at < tokens.len() {
            if tokens[at] == "use" {
                let is_public = at > 0 && [")", "pub"].contains(&tokens[at - 1].as_str());
                let mut found = Vec::new();
                at = use_tree(tokens, at + 1, &[], &mut found);
                for (name, path) in found {
                    if let Some(path) = self.absolute(module, &path) {
                        imports.insert(name, Import { path, is_public });
                    }
                }
            }
            at += 1;
        }
        imports
    }

    /// The paths that are written out in code, outside of `use` declarations.
    fn named_paths(&self, module: &[String], source: &Source) -> Vec<Vec<String>> {
        let tokens = &source.tokens;
        let mut paths = Vec::new();
        let mut at = 0;
        while at < tokens.len() {
            if tokens[at] == "use" {
                at = use_tree(tokens, at + 1, &[], &mut Vec::new());
            } else if is_name(&tokens[at]) && tokens.get(at + 1).is_some_and(|next| next == "::") {
                let is_start = at == 0 || !["::", "in", "."].contains(&tokens[at - 1].as_str());
                let mut path = vec![tokens[at].clone()];
                while tokens.get(at + 1).is_some_and(|next| next == "::")
                    && tokens.get(at + 2).is_some_and(|next| is_name(next))
                {
                    path.push(tokens[at + 2].clone());
                    at += 2;
                }
                if is_start {
                    paths.extend(self.absolute(module, &path));
                }
            }
            at += 1;
        }
        paths
    }

    /// The file that defines the item of a path, after following re-exports.
    fn defining_file(&self, path: &[String]) -> Option<String> {
        let mut path = path.to_vec();
        // A chain of re-exports is short; a circle of them does not compile.
        for _ in 0..16 {
            let depth = (0..=path.len()).rev().find(|&n| self.files.contains_key(&path[..n]))?;
            let source = &self.files[&path[..depth]];
            match path.get(depth).and_then(|name| source.imports.get(name)) {
                Some(import) => path = [&import.path[..], &path[depth + 1..]].concat(),
                None => return Some(source.path.clone()),
            }
        }
        panic!("{path:?} is re-exported in a circle");
    }
}

/// The files of a package with the files that each uses, as paths below `src`.
pub(super) fn uses_of(package: &str) -> BTreeMap<String, BTreeSet<String>> {
    let folder = format!("{package}/src");
    let below = format!("{}/", root().join(&folder).display());
    let files: Vec<_> = sources(&folder, &[".rs"])
        .into_iter()
        // Unit tests in a file of their own.
        .filter(|(path, _)| !path.ends_with("_tests.rs"))
        .map(|(path, text)| (path.strip_prefix(&below).unwrap().to_string(), text))
        .collect();
    Package::new(&files).uses()
}

/// `read/scan.rs` is `["read", "scan"]`, `read/mod.rs` is `["read"]`.
fn module_of(path: &str) -> Vec<String> {
    let mut module: Vec<String> =
        path.trim_end_matches(".rs").split('/').map(ToString::to_string).collect();
    if ["mod", "lib", "main"].contains(&module.last().unwrap().as_str()) {
        module.pop();
    }
    module
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Reads the tree of a `use` declaration that begins at token `at`, and returns the
/// number of the token after it. Adds each imported name with its path to `found`.
fn use_tree(
    tokens: &[String],
    mut at: usize,
    prefix: &[String],
    found: &mut Vec<(String, Vec<String>)>,
) -> usize {
    let mut path = prefix.to_vec();
    loop {
        match tokens[at].as_str() {
            "::" => at += 1,
            "{" => {
                at += 1;
                while tokens[at] != "}" {
                    at = use_tree(tokens, at, &path, found);
                    at += usize::from(tokens[at] == ",");
                }
                return at + 1;
            }
            "as" => {
                found.push((tokens[at + 1].clone(), path));
                return at + 2;
            }
            "self" if path.len() > prefix.len() || !prefix.is_empty() => at += 1,
            name if is_name(name) => {
                path.push(name.to_string());
                at += 1;
            }
            _ => {
                found.extend(path.last().cloned().map(|name| (name, path.clone())));
                return at;
            }
        }
    }
}

/// The tokens without code that is compiled only for tests, and the names of the test
/// modules that have their own files.
fn without_tests(tokens: Vec<String>) -> (Vec<String>, Vec<String>) {
    let marker = ["#", "[", "cfg", "(", "test", ")", "]"];
    let (mut shipped, mut modules) = (Vec::new(), Vec::new());
    let mut at = 0;
    while at < tokens.len() {
        if !tokens[at..].iter().take(marker.len()).eq(marker.iter()) {
            shipped.push(tokens[at].clone());
            at += 1;
            continue;
        }
        at += marker.len();
        // The item ends with its first braces, or with a semicolon before them.
        let mut depth = 0;
        let start = at;
        while at < tokens.len() {
            match tokens[at].as_str() {
                "{" | "(" | "[" => depth += 1,
                "}" | ")" | "]" => depth -= 1,
                _ => {}
            }
            at += 1;
            if depth == 0 && [";", "}"].contains(&tokens[at - 1].as_str()) {
                break;
            }
        }
        if let Some(name) = tokens[start..at].windows(3).find(|w| w[0] == "mod" && w[2] == ";") {
            modules.push(name[1].clone());
        }
    }
    (shipped, modules)
}

/// Names and punctuation of a source, without comments, strings and numbers.
fn tokens(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    let rest_is =
        |at: usize, what: &str| what.chars().eq(chars[at..].iter().copied().take(what.len()));
    while at < chars.len() {
        let c = chars[at];
        if rest_is(at, "//") {
            while at < chars.len() && chars[at] != '\n' {
                at += 1;
            }
        } else if rest_is(at, "/*") {
            while at < chars.len() && !rest_is(at, "*/") {
                at += 1;
            }
            at += 2;
        } else if c == '"' {
            at = after_string(&chars, at + 1);
        } else if rest_is(at, "r\"")
            || rest_is(at, "r#")
            || rest_is(at, "br\"")
            || rest_is(at, "br#")
        {
            at = after_raw_string(&chars, at);
        } else if c == '\'' {
            at = after_quote(&chars, at);
        } else if c.is_alphanumeric() || c == '_' {
            let start = at;
            while at < chars.len() && (chars[at].is_alphanumeric() || chars[at] == '_') {
                at += 1;
            }
            tokens.push(chars[start..at].iter().collect());
        } else if rest_is(at, "::") {
            tokens.push("::".to_string());
            at += 2;
        } else {
            if !c.is_whitespace() {
                tokens.push(c.to_string());
            }
            at += 1;
        }
    }
    tokens
}

fn after_string(chars: &[char], mut at: usize) -> usize {
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// Raw strings end at a quote followed by as many hashes as they began with.
fn after_raw_string(chars: &[char], mut at: usize) -> usize {
    while ['b', 'r'].contains(&chars[at]) {
        at += 1;
    }
    let hashes = chars[at..].iter().take_while(|c| **c == '#').count();
    at += hashes;
    if chars.get(at) != Some(&'"') {
        // A raw identifier: its name is an ordinary token.
        return at;
    }
    at += 1;
    loop {
        let closing = chars[at] == '"'
            && chars[at + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes;
        at += 1;
        if closing {
            return at + hashes;
        }
    }
}

/// The end of a character literal; of a lifetime, only its quote is skipped.
fn after_quote(chars: &[char], at: usize) -> usize {
    match (chars.get(at + 1), chars.get(at + 2)) {
        (Some('\\'), _) => {
            let end = chars[at + 3..].iter().position(|c| *c == '\'').unwrap();
            at + 3 + end + 1
        }
        (_, Some('\'')) => at + 3,
        _ => at + 1,
    }
}
