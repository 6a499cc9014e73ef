//! What scripts come to, from their text to exports and diagnostics.

use indexmap::IndexMap;

use super::completion::Place;
use super::include::{FileLoader, NoFiles};
use super::limits::Limits;
use super::session::{Exports, Session};
use super::soup::Soup;
use crate::diagnostics::{Diagnostic, Sources};

fn session() -> Session {
    Session::new(&Limits::default(), Box::new(NoFiles), IndexMap::new(), Sources::default())
}

fn run(text: &str) -> Result<Exports, Vec<Diagnostic>> {
    session().run("a.thermos", text)
}

fn printed(text: &str) -> Vec<String> {
    match run(text) {
        Ok(exports) => exports.printed,
        Err(problems) => panic!("{problems:#?}"),
    }
}

#[test]
fn processes_are_made_copied_and_read() {
    let text = "let bc = Process(cmdline = \"echo {{x}}\");
        let pi = bc(name = 'pi').bind(x = 4);
        print(pi.name); print(pi.name()); print(pi.cmdline); print(bc.check()); print(pi.check());";
    let found = printed(text);
    assert_eq!(found[..3], ["pi", "pi", "echo 4"]);
    assert_eq!(
        found[3..],
        ["TypeCheck(FAILED): Process[cmdline] failed: Uninterpolated variables: {{x}}", "TypeCheck(OK)"]
    );
}

/// Returns message, place and help of the one thing that is wrong.
fn wrong(text: &str) -> (String, String, String) {
    let problems = run(text).unwrap_err();
    assert_eq!(problems.len(), 1, "{problems:#?}");
    let problem = &problems[0];
    let place = problem.labels.first().map_or(String::new(), |label| label.place.to_string());
    (problem.message.clone(), place, problem.help.clone().unwrap_or_default())
}

fn is_wrong(text: &str, message: &str, place: &str, help: &str) {
    assert_eq!(wrong(text), (message.to_owned(), place.to_owned(), help.to_owned()), "{text}");
}

#[test]
fn functions_of_modules_are_no_methods() {
    let (message, place, _) = wrong("let p = Process();\norder('a'); p.text_of();");
    assert_eq!((message.as_str(), place.as_str()), ("Process has no field `text_of`", "a.thermos:2:15"));
}

#[test]
fn own_types_keep_their_order_and_defaults() {
    let text = "let Employee = Struct(\"Employee\", first = Required(String), last = Required(String), age = Integer,
            location = Default(String, \"San Francisco\"));
        let e = Employee(first = 'A', last = 'B');
        print(e); print(e.first()); print(e.age); print(Employee(last = 'x').check()); print(List(Employee));
        print(List(Integer)([1, 2])); print(Map(String, Integer)(#{a: 1})); print(e == Employee(#{first: 'A', last: 'B'}));
        print(Enum('a', 'b')('a')); print(e(first = Empty).check());";
    let found = printed(text);
    assert_eq!(found[0], "Employee(first=A,\n         last=B,\n         location=San Francisco)");
    assert_eq!(
        found[1..5],
        ["A", "Empty", "TypeCheck(FAILED): Employee[first] is required.", "EmployeeList"]
    );
    assert_eq!(found[5..9], ["IntegerList(1, 2)", "StringIntegerMap(a => 1)", "true", "a"]);
    assert_eq!(found[9], "TypeCheck(FAILED): Employee[first] is required.");
}

#[test]
fn functions_read_globals_as_copies() {
    assert_eq!(
        printed("let n = 1; fn f() { n } print(f()); let n = 2; print(f()); n += 1; print(f());"),
        ["1", "2", "3"]
    );
    assert_eq!(
        printed(
            "let l = [1]; fn f() { let c = l; c.push(2); c } print(f().len()); print(l.len()); l.push(5); print(f().len());"
        ),
        ["2", "1", "3"]
    );
    assert_eq!(printed("let t = Process(name = 'a'); fn f(x) { t(name = x).name } print(f('b'));"), ["b"]);
    let (message, place, _) = wrong("let l = [1];\nfn f() { l.push(2) }\nf();");
    assert_eq!(
        (message.as_str(), place.as_str()),
        ("a function cannot change the top-level variable `l`", "a.thermos:2:10")
    );
    let (message, ..) = wrong("let l = [1];\nfn f() { l[0] = 2; }\nf();");
    assert!(message.contains("cannot"), "{message}");
    let (message, ..) = wrong("let l = #{a: 1};\nfn f() { l.a = 2; }\nf();");
    assert!(message.contains("cannot"), "{message}");
}

#[test]
fn mistakes_say_where_and_what_to_do() {
    is_wrong(
        "let p = Process(nam = 'x');",
        "Process has no field `nam`",
        "a.thermos:1:17",
        "did you mean `name`?",
    );
    is_wrong(
        "let p = Proces(name = 'x');",
        "there is no function `Proces`",
        "a.thermos:1:9",
        "did you mean `Process`?",
    );
    is_wrong(
        "let abc = 1;\nprint(abd);",
        "there is no variable `abd`",
        "a.thermos:2:7",
        "did you mean `abc`?",
    );
    is_wrong("x = 1;", "there is no variable `x`", "a.thermos:1:1", "declare it first: `let x = ...;`");
    is_wrong("let a = True;", "there is no variable `True`", "a.thermos:1:9", "write `true`");
    is_wrong("let a = 1\nlet b = 2;", "a `;` is missing", "a.thermos:1:9", "end the statement with `;`");
    is_wrong(
        "loop {}",
        "the script does not end: it used up its operations",
        "a.thermos:1:6",
        "look for a loop without an end; --max-operations allows more",
    );
    is_wrong(
        "export(Process(name = 'x'));",
        "expected a Task, found a Process",
        "a.thermos:1:8",
        "write `export(Task(name = \"...\", processes = [...]));`",
    );
    is_wrong(
        "Task(processes = [Process(name = 'a'), 5]);",
        "expected a Process, found an integer",
        "a.thermos:1:40",
        "write its fields: `Process(field = value)`, or give a map",
    );
    is_wrong(
        "let p = Process(name = 'x');\np.nme",
        "Process has no field `nme`",
        "a.thermos:2:3",
        "did you mean `name`?",
    );
    is_wrong(
        "sleep(3);",
        "`sleep` is not allowed in a configuration",
        "a.thermos:1:1",
        "a configuration says what to run; to stop it with a message, write `throw \"...\";`",
    );
    is_wrong(
        "if 1 == 1: { }",
        "a `{` is missing",
        "a.thermos:1:10",
        "put the block in braces: `if a { ... }`",
    );
    is_wrong(
        "let a = 5; a(1);",
        "an integer cannot be called",
        "a.thermos:1:12",
        "functions, types and objects can be called",
    );
}

#[test]
fn recursion_ends_with_a_diagnostic() {
    let deep = || {
        is_wrong(
            "fn f(x) { f(x) }\nf(1);",
            "functions call each other too deeply",
            "a.thermos:2:1",
            "look for a function that calls itself without end",
        );
        let nested = format!("let a = {}1{};", "[".repeat(2000), "]".repeat(2000));
        assert_eq!(wrong(&nested).0, "expressions are nested too deeply");
        let nested = format!("let a = {}1{};", "f(k = ".repeat(2000), ")".repeat(2000));
        assert_eq!(wrong(&nested).0, "expressions are nested too deeply");
    };
    std::thread::Builder::new().stack_size(256 << 20).spawn(deep).unwrap().join().unwrap();
}

#[test]
fn several_typed_mistakes_are_found_at_once() {
    let problems =
        run("let p = Process(nam = 'x', comand = 'y');\nConstraint(order = 5);\nnothere();").unwrap_err();
    let places: Vec<String> = problems.iter().map(|problem| problem.labels[0].place.to_string()).collect();
    assert_eq!(places, ["a.thermos:1:17", "a.thermos:1:28", "a.thermos:2:20", "a.thermos:3:1"]);
}

#[test]
fn exports_carry_tasks_and_parameters() {
    let exports = run("let n = param('n', 3);
        fn mapper(i) { Process(name = \"mapper%03d\" % i, cmdline = 'x') }
        let ps = range(n).map(mapper);
        let ps2 = range(n).map(|i| Process(name = `p${i}`, cmdline = 'y'));
        export(Task(name = 't', processes = ps + ps2 + [mapper(9)], constraints = ps.map(|p| Constraint(order = [p.name(), 'mapper009']))));
        export(#{name: 'm', processes: [#{name: 'x', cmdline: 'z'}]});
        export(name = 'k', processes = []);
        let final = 1; let default = 2; print(final + default);").unwrap();
    assert_eq!(exports.tasks.len(), 3);
    assert_eq!(exports.tasks[0].task.field("processes").unwrap().elements().unwrap().len(), 7);
    assert_eq!(exports.parameters["n"].value, "3");
    assert_eq!(exports.printed, ["3"]);
}

#[test]
fn a_shell_keeps_its_variables_and_asks_for_more() {
    let mut session = session();
    let mut answer = |text: &str| {
        let answer = session.answer(text);
        answer.wrong.map_or_else(|| answer.shown.join("\n"), |wrong| wrong.message)
    };
    assert_eq!(answer("let p = Process(name = 'a', cmdline = 'b');"), "");
    assert_eq!(answer("fn twice(x) { x * 2 }"), "");
    assert_eq!(answer("p(name = 'c').name"), "c");
    assert_eq!(answer("twice(4)"), "8");
    assert_eq!(answer("p.nam"), "Process has no field `nam`");
    assert_eq!(answer("fn g() { p.name }"), "");
    assert_eq!(answer("g()"), "a");
    assert_eq!(answer("let p = Process(name = 'z');"), "");
    assert_eq!(answer("g()"), "z");
    assert!(!session.is_complete("let f = |x| {") && !session.is_complete("1 +"));
    assert!(!session.is_complete("f(") && session.is_complete("1 + ;"));
}

#[test]
fn an_assignment_declares_in_a_shell_alone() {
    let mut session = session().declaring();
    let mut answer = |text: &str| {
        let answer = session.answer(text);
        answer.wrong.map_or_else(|| answer.shown.join("\n"), |wrong| wrong.message)
    };
    assert_eq!(answer("x = 1"), "");
    assert_eq!(answer("x = x + 1; y = x * 2"), "");
    assert_eq!(answer("fn f() { x + y } f()"), "6");
    assert_eq!(answer("x = 5; f()"), "9");
    assert_eq!(answer("MB = 5"), "`MB` cannot be assigned to");
    assert_eq!(answer("if true { z = 1; }"), "there is no variable `z`");
    assert_eq!(answer("x = nothere"), "there is no variable `nothere`");
    assert_eq!(answer("x"), "5");
}

#[test]
fn completions_know_what_stands_there() {
    let mut session = session().declaring();
    let setup =
        "p = Process(name = 'a', cmdline = '{{who}} {{when}}'); t = Task(processes = [p]); m = #{key: p};
        ps = [p]; Own = Struct('Own', first = Required(String)); fn twice(x) { x * 2 }";
    assert_eq!(session.answer(setup).wrong, None);
    let words = |text: &str| match session.complete(text) {
        Place::Words(found) => found.words,
        other => vec![format!("{other:?}")],
    };
    assert_eq!(words("p.cmd"), ["cmdline"]);
    assert_eq!(words("p.ch"), ["check()"]);
    assert_eq!(words("t.processes[0].cmd"), ["cmdline"]);
    assert_eq!(words("m.key.nam"), ["name"]);
    assert_eq!(words("ps[0].nam"), ["name"]);
    assert_eq!(words("p.bind(who = 'x').nam"), ["name"]);
    assert_eq!(words("Process(name = 'x').bi"), ["bind("]);
    assert_eq!(words("Process(cm"), ["cmdline = "]);
    assert_eq!(words("let a = [Process(name = f(cmdline = 1), cm"), ["cmdline = "]);
    assert_eq!(words("Process(cmdline = 'x', cm"), [""; 0]);
    assert_eq!(
        words("p.bind(w"),
        ["when = ", "while "]
            .iter()
            .filter(|word| word.contains('='))
            .map(|word| word.to_string())
            .chain(["who = ".to_owned()])
            .collect::<Vec<_>>()
    );
    assert_eq!(words("Own(f")[0], "first = ");
    assert_eq!(words("Own(first = 'x').f"), ["first"]);
    assert_eq!(words("SimpleTask(com")[0], "command = ");
    assert_eq!(words("tw"), ["twice("]);
    assert_eq!(words("Proc"), ["Process", "Processes::"]);
    assert_eq!(words("Tasks::com"), ["combine("]);
    assert_eq!(words("'p.cmd"), ["Nothing"]);
    assert_eq!(words("1 // p.cmd"), ["Nothing"]);
    assert_eq!(words("include(\"li"), ["File(\"li\")"]);
    let hint = |text: &str| session.signature(text).unwrap_or_default();
    assert_eq!(hint("Constraint("), "order: StringList");
    assert!(
        hint("Process(name = 'x', ").starts_with("cmdline: String, resources: Resources, max_failures = 1")
    );
    assert_eq!(hint("twice("), "twice(x)");
    assert_eq!(hint("p.bind("), "bind(name = value)");
    assert_eq!(hint("Tasks::simple("), "Tasks::simple(name, command)");
    assert_eq!(hint("[1, "), "");
}

#[test]
fn the_standard_library_orders_and_joins_tasks() {
    let found = printed("let a = Process(name = 'a', cmdline = 'a'); let b = Process(name = 'b', cmdline = 'b');
        print((order(a, 'b') + order('c', b))[1].order); print(order(a, b)[0].order);
        let s = SequentialTask(name = 's', processes = [a, b]);
        print(s.constraints); print(SimpleTask('x', 'echo').check());
        let t = Task(name = 't', processes = [b, Process(name = 'c', cmdline = 'c')], resources = Resources(cpu = 1, ram = 2 * MB, disk = 3));
        let u = combine_tasks(s, t, t, name = 'u');
        print(u.name); print(u.processes.len()); print(u.resources.cpu); print(u.finalization_wait); print(u.constraints.len());
        let v = concat_tasks([s, t]);
        print(v.constraints.len()); print(v.resources.ram); print(v.finalization_wait); print(combine_tasks() == Task());
        print(java_options('server', Xmx = '1g', D = 0)); print(Options::python('v', level = 'debug'));
        print(Tasks::SIMPLE_RAM == GB);");
    assert_eq!(
        found[..4],
        [
            "StringList(c, b)",
            "StringList(a, b)",
            "ConstraintList(Constraint(order=StringList(a, b)))",
            "TypeCheck(OK)"
        ]
    );
    assert_eq!(found[4..9], ["u", "3", "2.0", "30", "1"]);
    assert_eq!(found[9..13], ["4", "2097152", "60", "true"]);
    assert_eq!(found[13..], ["-server -Xmx 1g -D", "-v --level debug", "true"]);
    is_wrong(
        "let a = 1;\nSequentialTask(constraints = [Constraint()]);",
        "Cannot turn a Task with existing constraints into a SequentialTask!",
        "a.thermos:2:1",
        "leave its constraints out; a Task with both says its order itself: `constraints = order(..) + order(..)`",
    );
}

#[test]
fn the_examples_evaluate() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if !path.is_file() {
            continue;
        }
        let session = || {
            let loader = Box::new(FileLoader::new([folder.clone()]));
            Session::new(&Limits::default(), loader, IndexMap::new(), Sources::default())
        };
        let text = std::fs::read_to_string(&path).unwrap();
        let exported = |mut session: Session| match session.run(&path.to_string_lossy(), &text) {
            Ok(exports) => exports.tasks.into_iter().map(|export| export.task).collect::<Vec<_>>(),
            Err(problems) => panic!("{path:?}: {problems:#?}"),
        };
        let tasks = exported(session());
        assert!(!tasks.is_empty(), "{path:?}");
        assert_eq!(tasks, exported(session().tracing()), "{path:?}");
    }
}

#[test]
fn tracing_values_changes_none() {
    let text = "const C = 'c'; let n = 1; n += 2; let text = 'a'; text += `-${n}${'b' + C}`; let list = [1, 'x', ['y'], -3];
        list.push(text); list[0] = 'z'; let map = #{a: 'b', \"c d\": 1 + 1}; map.e = 'f'; map['g'] = list;
        fn pick(x) { switch x { 1 | 2 => 'few', 3 => return 'three', 'a' if C == 'c' => 'letter', 4..6 => 'some', _ => `${x}!` } }
        for i in 0..7 { list.push(pick(i)); } let f = |x, y| 'closure' + x + y; list.push(f('1', 2)); list.push(pick('a'));
        let x = if n > 2 { 'big' } else { 'small' }; let p = Process(name = x, cmdline = text, max_failures = -n + 9, daemon = n > 8);
        let o = #{name: 'q'}; let q = p(o)(cmdline = 'w'.to_upper()); let late; late = Empty; q = q(min_duration = late);
        list.sort(|a, b| if `${a}` < `${b}` { -1 } else { 1 }); insert(list, 0, 'by name');
        print(list); print(map); print(p); print(q); print(\"%03d-%s\" % [n, text]); print([1, 2].map(|x| 'abc'[x]));";
    let mut traced = session().tracing();
    match traced.run("a.thermos", text) {
        Ok(exports) => assert_eq!(exports.printed, printed(text)),
        Err(problems) => panic!("{problems:#?}"),
    }
}

#[test]
fn an_unknown_property_is_worded_for_users() {
    is_wrong(
        "let a = 5; a.foo",
        "an integer has no property `foo`",
        "a.thermos:1:14",
        "maps and objects have properties; is this the right variable?",
    );
}

#[test]
fn a_loop_in_a_callback_whose_error_is_swallowed_ends_the_script() {
    let limits = Limits { operations: 10_000, ..Limits::default() };
    let mut session = Session::new(&limits, Box::new(NoFiles), IndexMap::new(), Sources::default());
    let problems = session.run("a.thermos", "let a = [3, 1, 2];\na.sort(|a, b| { loop {} });").unwrap_err();
    assert_eq!(problems[0].code, "thermos::too_many_operations");
}

#[test]
fn random_soups_evaluate_to_a_value_or_a_diagnostic() {
    let limits = Limits { operations: 10_000, ..Limits::default() };
    let mut session = Session::new(&limits, Box::new(NoFiles), IndexMap::new(), Sources::default());
    let mut soup = Soup::new(2);
    for _ in 0..3_000 {
        let text = soup.next(16);
        let _ = session.is_complete(&text);
        let wrong = session.answer(&text).wrong;
        assert!(wrong.is_none_or(|wrong| !wrong.message.is_empty()), "{text}");
        let _ = (session.complete(&text), session.signature(&text));
    }
}
