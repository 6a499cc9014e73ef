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

#[test]
fn words_that_rhai_reserves_are_names() {
    let found = printed(
        "fn new(match) { match + 1 }
        fn default(with) { with.async + with.public }
        fn case() { this * 2 }
        let static = new(1); let import = default(async = 1, public = 2);
        print(static + import + 5.case());
        print([1, 2].map(new));
        let S = Struct('S', match = Integer, type = String, final = Boolean);
        print(S(match = 3, type = 'x', final = false).match);
        let m = #{import: 1, default: 2, 'if': 3}; print(m.import + m.default + m['if']);
        for yield in [7] { print(yield); }
        let go = |null| null * 2; print(go(4));",
    );
    assert_eq!(found, ["15", "[2, 3]", "3", "6", "7", "8"]);
    let output = check("fn new(a) { nothere }\nnew(1);\n").expect_code(3);
    output.expect_diagnostic("unknown_variable", "called from here, as `new`");
    check("fn new(a) { a }\nnew(1, 2);\n").expect_code(3).expect_diagnostic("arguments", "fn new(a)");
}

#[test]
fn check_finds_what_no_run_could_mean() {
    let found = printed(
        "let p = Process(name = 'a', cmdline = 'b');
        print(Process(name = 'a/b', cmdline = 'c').check()); print(p(max_failures = -1).check());
        print(Task(name = 'x', processes = [p, p]).check()); print(Resources(cpu = -1, ram = 1, disk = 2).check());
        print(Task(processes = [p], constraints = order('a', 'a')).check());
        print(Task(processes = [p], constraints = order(p, 'z')).check());
        print(Process(cmdline = 'echo {{first}}').check()); print(Task(processes = [p]).check());",
    );
    let expected = [
        "FAILED): Process[name] failed: must not contain '/', but is \"a/b\"",
        "FAILED): Process[max_failures] failed: must be from 0 to 4294967295, but is -1",
        "FAILED): Task[processes] failed: Element in ProcessList failed check: Process[name] failed: must be unique in the \
         task, but \"a\" is there twice",
        "FAILED): Resources[cpu] failed: must be a number of cores from 0 on, but is -1.0",
        "FAILED): Cycles detected in the task schedule! Each of these waits for the one before it: a -> a.",
        "FAILED): Invalid process dependencies! The task has no process `z`.",
        "FAILED): Process[cmdline] failed: Uninterpolated variables: {{first}}",
        "OK)",
    ];
    assert_eq!(found, expected.map(|said| format!("TypeCheck({said}")));
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
