//! What the rewriting pass makes of scripts, and that it never panics.

use std::collections::HashMap;

use crate::script::include::{IncludeError, Loaded, Loader};
use crate::script::program::{Texts, Unreadable};
use crate::script::sites::Parts;
use crate::script::soup::Soup;

struct Files(HashMap<String, String>);

impl Loader for Files {
    fn load(&self, _: &str, path: &str) -> Result<Loaded, IncludeError> {
        let text = self.0.get(path).cloned();
        let missing = IncludeError::Missing { path: path.to_owned(), help: None };
        text.map(|text| Loaded { name: path.to_owned(), identity: path.to_owned(), text }).ok_or(missing)
    }
}

fn texts() -> Texts {
    let natives = ["Process", "print", "push", "len", "name", "join"];
    Texts {
        functions: natives.map(str::to_owned).into(),
        fields: ["name".to_owned()].into(),
        ..Texts::default()
    }
}

fn read(texts: &mut Texts, files: &[(&str, &str)], main: &str) -> Result<String, Box<Unreadable>> {
    let files = files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    texts.read(&Files(files), "main", main).map(|program| program.text)
}

fn rewritten(source: &str) -> String {
    read(&mut texts(), &[], source).unwrap_or_else(|error| panic!("{}", error.diagnostic))
}

/// Compares without blanks, which stand where they stood.
fn becomes(source: &str, expected: &str) {
    let bare = |text: &str| text.replace(' ', "");
    assert_eq!(bare(&rewritten(source)), bare(expected), "{source}");
}

fn refused(source: &str) -> (String, String) {
    let diagnostic = read(&mut texts(), &[], source).unwrap_err().diagnostic;
    (diagnostic.message, diagnostic.labels[0].place.to_string())
}

#[test]
fn keywords_become_one_last_argument() {
    becomes(
        "Process(name = 'a', cmdline = f(1, b = 2))",
        "Process(__keywords(0, [\"a\", f(1, __keywords(1, [2]))]))",
    );
    becomes("a.push(1, k = v,)", "a.push(1, __keywords(0, [v,]))");
    becomes("Units::sum(a, k = |x| x == 1)", "Units::sum(a, __keywords(0, [|x| x == 1]))");
    becomes("f(final = true, in = 1)", "f(__keywords(0, [true, 1]))");
}

#[test]
fn values_are_called_and_functions_stay() {
    becomes("let bc = Process(); bc(name = 'x');", "let bc = Process(); bc.__call([], 1, [\"x\"]);");
    becomes("ps[0](1, x = 2)", "ps[0].__call([1, ], 0, [2])");
    becomes("f(1)(2)", "f(1).__call([2])");
    becomes("(a)(k = 1)", "(a).__call([], 0, [1])");
    becomes("if (a) { (b) } (c)", "if (a) { (b) } (c)");
    becomes(
        "let join = |x| x; join(1); { let f = 1; f(2) } f(3)",
        "let join = |x| x; join.__call([1]); { let f = 1; f.__call([2]) } f(3)",
    );
    becomes("let join = join(1);", "let join = join(1);");
    becomes("xs.map(|f| f(1)); f(2)", "xs.__method(\"map\", [|f| f.__call([1])]); f(2)");
}

#[test]
fn functions_see_parameters_and_globals() {
    becomes(
        "let a = 1; fn g(f) { f(1); a(2); h(3) }",
        "let a = 1; fn g(f) { f.__call([1]); __global(\"a\").__call([2]); h(3) }",
    );
    becomes("fn g() { a(2) } let a = 1;", "fn g() { __global(\"a\").__call([2]) } let a = 1;");
    becomes("{ let b = 1; } fn g() { b(2) }", "{ let b = 1; } fn g() { b(2) }");
    assert_eq!(refused("let a = 1;\nfn g() {\n  a += 1;\n}").1, "main:3:3");
}

#[test]
fn unknown_methods_and_fields_are_asked_of_the_value() {
    becomes("p.first()", "p.__method(\"first\", [])");
    becomes("p.first(1, k = v)", "p.__method(\"first\", [1, ], 0, [v])");
    becomes("p.name() + p.name(1) + p.len()", "p.__method(\"name\", []) + p.name(1) + p.len()");
    becomes("fn mine() {} x.mine()", "fn mine() {} x.mine()");
    becomes("Struct('E', len = 1); e.len()", "Struct(\"E\", __keywords(0, [1])); e.__method(\"len\", [])");
}

#[test]
fn reserved_words_and_empty_strings() {
    becomes("#{if: '', default: 2, 'in': 3}", "#{\"if\": \"\", default: 2, \"in\": 3}");
    becomes("#!/usr/bin/env thermos\nlet a = 1; // c", "\nlet a = 1;");
    becomes("`a ${f(k = 1)} b`", "`a ${f(__keywords(0, [1]))} b`");
}

#[test]
fn includes_are_spliced_once() {
    let files = [("a", "let a = 1;\nfn f(x) { a }"), ("b", "include('a');\nlet b = f(2)")];
    let text = read(&mut texts(), &files, "include('b'); include(\"a\");\nf(k = a)").unwrap();
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(
        lines,
        ["let a = 1;", "fn f(x) { __global(\"a\") }", ";", "let b = f(2)", "; ;", "f(__keywords(1, [ a]))"]
    );
}

#[test]
fn a_cycle_of_includes_shows_its_chain() {
    let files = [("a", "include('b');"), ("b", "\ninclude('a');")];
    let diagnostic = read(&mut texts(), &files, "include('a');").unwrap_err().diagnostic;
    assert_eq!(diagnostic.message, "the files include each other: a -> b -> a");
    assert_eq!(diagnostic.labels[0].place.to_string(), "b:2:9");
}

#[test]
fn mistakes_have_their_place() {
    let cases = [
        ("f(a = 1, 2)", "a positional argument cannot follow a keyword argument", "main:1:10"),
        ("f(a = 1,\n  a = 2)", "the keyword `a` is given twice", "main:2:3"),
        ("fn f() { include('a'); }", "include must stand alone at the top level of a file", "main:1:10"),
        ("let x = 'a'; include(x);", "include takes one literal path", "main:1:14"),
        ("f(1, [2)", "`)` does not close `[`", "main:1:8"),
        ("let a = f(1;", "`;` comes before this `(` is closed", "main:1:10"),
        ("\n  [1, 2", "this `[` is never closed", "main:2:3"),
        ("a)", "`)` closes nothing", "main:1:2"),
        ("fn f(a, b = 1) {}", "the parameter `b` cannot have a default", "main:1:11"),
        ("let a = {'x': 1};", "a map does not start with `{`", "main:1:9"),
        ("def f(x):\n", "functions are not defined with `def`", "main:1:1"),
        ("let a = [f(x) for x in xs];", "there are no list comprehensions", "main:1:15"),
        ("let a = f'x';", "strings have no prefix", "main:1:9"),
        ("if a { } elif b { }", "there is no `elif`", "main:1:10"),
        ("x # comment", "`#` starts no comment here", "main:1:3"),
    ];
    for (source, message, place) in cases {
        assert_eq!(refused(source), (message.to_owned(), place.to_owned()), "{source}");
    }
}

#[test]
fn unfinished_input_is_told_from_wrong_input() {
    let incomplete = |source: &str| read(&mut texts(), &[], source).unwrap_err().incomplete;
    assert!(incomplete("f(1,") && incomplete("let a = `x") && incomplete("if a {") && incomplete("/* x"));
    assert!(!incomplete("f(1]") && !incomplete("let a = \"x") && !incomplete(")"));
}

#[test]
fn each_argument_keeps_its_place() {
    let mut texts = texts();
    read(&mut texts, &[], "f(1 + 2, name = 'pi', ps = [a, #{x: 10}])").unwrap();
    let site = texts.sites.at(1, 1).unwrap();
    assert_eq!((site.positional[0].span.column, site.positional[0].span.length), (3, 5));
    let value = &site.keywords[0].value;
    assert_eq!((value.span.column, value.span.length, &value.parts), (17, 4, &Parts::Whole));
    let inner = site.keywords[1].value.item(1).field("x");
    assert_eq!((inner.span.column, inner.span.length), (37, 2));
}

#[test]
fn random_soups_of_tokens_never_panic() {
    let mut soup = Soup::new(1);
    for _ in 0..20_000 {
        let _ = read(&mut texts(), &[("a", "let a = 1")], &soup.next(24));
    }
}
