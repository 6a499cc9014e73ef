//! Holds the picture of the layers: imports point down, siblings do not import each other.
//!
//! Reads the sources as text. A new top folder of `src/` has to take its place in [`LAYERS`].

use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

/// From the top down; those on a line do not know each other.
const LAYERS: [&[&str]; 10] = [
    &["cli"],
    &["observer", "submit"],
    &["view", "runner", "config"],
    &["script", "checkpoint", "convert"],
    &["plan"],
    &["process", "schema"],
    &["types"],
    &["template"],
    &["diagnostics"],
    &[],
];

/// Words that only one layer may say: the word, the layer, and what it stands for.
const RESERVED: [(&str, &str, &str); 5] = [
    (r"\bunsafe\b", "process", "unsafe code"),
    (r"\brhai::", "script", "the script engine"),
    (r"\btree_sitter", "convert", "the syntax of Python"),
    (r"\bclap::", "cli", "the command line"),
    (r"\bmiette::", "cli", "drawing of diagnostics"),
];

#[test]
fn imports_point_down() {
    assert_eq!(violations(|_, source| imports(source)), "");
}

#[test]
fn unsafe_code_and_engines_stay_in_their_layers() {
    assert_eq!(violations(|_, source| reserved(source)), "");
}

#[test]
fn the_checker_sees_every_way_to_import() {
    let source = |path: &str, text: &str| Source { path: path.into(), text: without_comments(text) };
    let wrong = [
        ("src/plan/mod.rs", "use crate::runner::Run;", "runner"),
        ("src/plan/order.rs", "fn f() { crate::checkpoint::open() }", "checkpoint"),
        ("src/types/value.rs", "use crate::{\n    template,\n    schema::{Task, Process},\n};", "schema"),
        ("src/process/mod.rs", "use super::cli;", "cli"),
        ("src/process/spawn.rs", "use super::super::schema::Task;", "schema"),
        ("src/diagnostics.rs", "pub(in crate::cli) struct A;", "cli"),
    ];
    for (path, text, target) in wrong {
        let found = imports(&source(path, text));
        assert!(found.len() == 1 && found[0].contains(&format!("imports {target}")), "{path}: {found:?}");
    }
    let fine = [
        ("src/plan/mod.rs", "use crate::schema::Task; // not crate::runner"),
        ("src/cli/run.rs", "use crate::{config, runner::Runner};\nuse super::exit::Exit;"),
        ("src/plan/order.rs", "use super::graph;\nuse crate::plan::graph::Node;"),
        ("src/template/mod.rs", "//! [`crate::types`] stands above.\nmod a;"),
    ];
    for (path, text) in fine {
        assert_eq!(imports(&source(path, text)), Vec::<String>::new(), "{path}");
    }
    assert_eq!(
        reserved(&source("src/runner/mod.rs", "\n unsafe { fork() }"))[0].split(' ').next(),
        Some("src/runner/mod.rs:2:")
    );
    assert_eq!(reserved(&source("src/process/mod.rs", "unsafe { fork() }")), Vec::<String>::new());
}

struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    /// The folder or file below `src/`; nothing for the roots of the crate.
    fn layer(&self) -> Option<String> {
        let path = self.path.strip_prefix("src").unwrap();
        let top = path.components().next().unwrap().as_os_str().to_str().unwrap();
        let name = top.strip_suffix(".rs").unwrap_or(top);
        (!matches!(name, "lib" | "main")).then(|| name.to_owned())
    }

    /// How many `super` lead from the file's module to the crate.
    fn depth(&self) -> usize {
        let parts = self.path.strip_prefix("src").unwrap().components().count();
        if self.path.ends_with("mod.rs") { parts - 1 } else { parts }
    }

    fn at(&self, offset: usize) -> String {
        let line = self.text[..offset].matches('\n').count() + 1;
        format!("{}:{line}:", self.path.display())
    }
}

fn violations(check: impl Fn(&Path, &Source) -> Vec<String>) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    rust_files(&root.join("src"), &mut files);
    assert!(files.len() > 10, "the sources are not where they were");
    let sources = files.iter().map(|path| Source {
        path: path.strip_prefix(root).unwrap().to_owned(),
        text: without_comments(&fs::read_to_string(path).unwrap()),
    });
    sources.flat_map(|source| check(root, &source)).collect::<Vec<_>>().join("\n")
}

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn rank(layer: &str) -> Option<usize> {
    LAYERS.iter().position(|names| names.contains(&layer))
}

/// Finds the imports that do not point down.
fn imports(source: &Source) -> Vec<String> {
    let Some(layer) = source.layer() else { return Vec::new() };
    let Some(own) = rank(&layer) else {
        return vec![format!("{} {layer} has no place in the picture", source.path.display())];
    };
    let mut wrong = Vec::new();
    for (offset, target) in targets(source) {
        if target != layer && rank(&target).is_some_and(|rank| rank <= own) {
            wrong.push(format!("{} {layer} imports {target}, which is not below it", source.at(offset)));
        }
    }
    wrong
}

/// Finds every path that begins at the crate, with the top module that it names.
fn targets(source: &Source) -> Vec<(usize, String)> {
    let from_crate = Regex::new(r"\b(?:crate|super(?:\s*::\s*super)*)\s*::\s*(\w+|\{)").unwrap();
    let mut found = Vec::new();
    for captures in from_crate.captures_iter(&source.text) {
        let whole = captures.get(0).unwrap();
        let reaches_root =
            whole.as_str().starts_with("crate") || whole.as_str().matches("super").count() >= source.depth();
        let name = captures.get(1).unwrap();
        match name.as_str() {
            _ if !reaches_root => {}
            "{" => found.extend(group(&source.text, name.end())),
            name => found.push((whole.start(), name.to_owned())),
        }
    }
    found
}

/// Returns the first names in a group of imports whose `{` ends at `start`.
fn group(text: &str, start: usize) -> Vec<(usize, String)> {
    let name = Regex::new(r"^\s*(\w+)").unwrap();
    let (mut depth, mut begins, mut names) = (0, true, Vec::new());
    for (index, c) in text[start..].char_indices() {
        if begins && let Some(captures) = name.captures(&text[start + index..]) {
            names.push((start + index, captures[1].to_owned()));
        }
        begins = c == ',' && depth == 0;
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            _ => {}
        }
    }
    names
}

/// Finds words in layers that may not say them.
fn reserved(source: &Source) -> Vec<String> {
    let layer = source.layer();
    let check = |(word, owner, what): &(&str, &str, &str)| {
        let found = Regex::new(word).unwrap().find(&source.text)?;
        let elsewhere = layer.as_deref() != Some(*owner);
        elsewhere.then(|| format!("{} {what} belongs to {owner}", source.at(found.start())))
    };
    RESERVED.iter().filter_map(check).collect()
}

/// Blanks line comments; what they mention is no import.
fn without_comments(text: &str) -> String {
    Regex::new(r"(?m)(^|[^:])//.*$").unwrap().replace_all(text, "$1").into_owned()
}
