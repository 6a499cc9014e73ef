//! The bodies of the fuzz targets on random input, for compilers that cannot fuzz.

use proptest::prelude::*;

#[path = "../fuzz/bodies.rs"]
mod bodies;

/// Bytes that are mostly put together of words which the readers know.
fn soup(words: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => prop::sample::select(words).prop_map(|word| word.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..4),
        1 => any::<char>().prop_map(|character| character.to_string().into_bytes()),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

const TEMPLATE: &[&str] =
    &["{", "}", "{{", "}}", "<<", ">>", "&", "a", "b", ".", "[", "]", "0", "thermos", "é", "\n", " "];

const SCRIPT: &[&str] = &[
    "let ", "x", "y", " = ", "(", ")", "[", "]", "{", "}", "#{", ",", ";", "\"a\"", "'b'", "`${", "fn ",
    "|x| ", "Process", "Task", "export", "include", ".", "..", "bind", "name", "1", "2.5", "if ", "else ",
    "for ", "in ", "while ", "loop ", "return ", "+", "-", "%", "==", "!", "&&", "<<x>>", "{{y}}", "// c\n",
    "/* ", "*/", "#\"", "\"#", "param", "order", "range", "map", "final", "Struct", "Required", "String",
    "Choice", "Empty", "\n", "\t",
];

const DOCUMENT: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"processes\":[",
    "\"name\":\"a\"",
    "\"cmdline\":\"b {{c}}\"",
    "\"max_failures\":",
    "1",
    "-1",
    "1e400",
    "null",
    "true",
    "\"x\"",
    "\"resources\":{\"cpu\":1,\"ram\":2,\"disk\":3}",
    "\"constraints\":[{\"order\":[\"a\"]}]",
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 3000, ..ProptestConfig::default() })]

    #[test]
    fn templates(data in soup(TEMPLATE)) {
        bodies::template(&data);
    }

    #[test]
    fn documents(data in soup(DOCUMENT)) {
        bodies::document(&data);
    }
}

proptest! {
    // A session costs as much as many short scripts.
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn scripts(data in soup(SCRIPT)) {
        bodies::script(&data);
    }
}
