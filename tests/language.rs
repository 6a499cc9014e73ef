//! The configuration language as users see it: what scripts print, and what they are refused for.

use crate::harness::{Output, Thermos};

/// Checks a script.
fn check(text: &str) -> Output {
    let thermos = Thermos::new();
    thermos.write("a.thermos", text);
    thermos.run(["check", "a.thermos"])
}

/// Evaluates statements, which export nothing, and returns the lines that they print.
fn printed(text: &str) -> Vec<String> {
    let output = check(&format!("{text}\nexport(Task(name = \"t\"));")).expect_code(0);
    output.stderr.lines().map(str::to_owned).collect()
}

#[test]
fn strings_in_single_quotes_are_strings_also_before_a_sign() {
    let found = printed(
        "let x = 'cd';
        fn f(y) { 'ab' + y }
        let g = |y| 'it\\'s ' - y;
        print(f(x) + '\"\\t\\x41' + 'é' + '');
        print('a' + 'b' == \"ab\" && #{'k k': 1}.keys()[0] == 'k k');",
    );
    assert_eq!(found, ["abcd\"\tAé", "true"]);
}

#[test]
fn methods_of_a_script_change_what_they_are_called_on() {
    let found = printed(
        "fn grow(x) { this.push(x); }
        fn twice() { this * 2 }
        fn rename(to) { this(name = to) }
        let list = [1]; list.grow(2); print(list);
        let nested = #{l: [[]]}; nested.l[0].grow(3); print(nested.l);
        let n = 4; fn read() { n.twice() } print(read());
        let p = Process(name = 'a'); fn other() { p.rename('b').name } print(other() + p.name);",
    );
    assert_eq!(found, ["[1, 2]", "[[3]]", "8", "ba"]);
}

const NODE: &str =
    "let Node = Struct(\"Node\", name = Required(String), children = Default(List(\"Node\"), []));";

#[test]
fn a_struct_holds_itself_through_a_list() {
    let found = printed(&format!(
        "{NODE}
        let tree = Node(name = \"a\", children = [#{{name: \"b\", children: [#{{name: \"{{{{super.name}}}}!\"}}]}}, Node(name = \"c\")]);
        print(tree.check());
        print(tree.to_json());
        print(tree.children[0].children[0].name);
        print(tree == Node(tree.get()));
        print(tree == tree(name = \"z\"));
        print(tree.children[0].children[0].children.len());
        print(Node(name = \"x\", children = [Node()]).check());
        print(Process(cmdline = \"{{{{t.children[0].name}}}}\").bind(t = tree).cmdline);
        print(Node(name = \"n\", children = [#{{name: \"m\"}}]));"
    ));
    let expected = [
        "TypeCheck(OK)",
        "{\"name\":\"a\",\"children\":[{\"children\":[{\"children\":[],\"name\":\"a!\"}],\"name\":\"b\"},{\"name\":\"c\",\"children\":[]}]}",
        "a!",
        "true",
        "false",
        "0",
        "TypeCheck(FAILED): Node[children] failed: Element in NodeList failed check: Node[name] is required.",
        "b",
        "Node(name=n,",
        "     children=NodeList(Node(children=NodeList(),",
        "     name=m)))",
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_struct_holds_itself_through_a_field_a_map_and_a_choice() {
    let found = printed(
        "let Link = Struct(\"Link\", name = String, next = \"Link\", by = Map(String, \"Link\"), or = Choice([Integer, \"Link\"]));
        let chain = Link(name = \"a\", next = #{name: \"b\", next: #{name: \"c\"}}, by = #{x: #{name: \"d\"}}, or = #{name: \"e\"});
        print(chain.next.next.name + chain.by[\"x\"].name + chain.or.get().name);
        print(Link(or = 5).or);
        let other = Struct(\"Link\", name = String, next = \"Link\", by = Map(String, \"Link\"), or = Choice([Integer, \"Link\"]));
        print(other == Link);
        print(other(name = \"a\") == Link(name = \"a\"));
        print(List(Link)([#{next: #{}}])[0].next.check());",
    );
    assert_eq!(found, ["cde", "5", "true", "true", "TypeCheck(OK)"]);
}
