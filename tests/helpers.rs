//! The standard library, `stdlib/*.thermos`: what its helpers make, and what they say about wrong arguments.

use crate::harness::Thermos;

/// Evaluates statements and returns what they print.
fn printed(text: &str) -> Vec<String> {
    let thermos = Thermos::new();
    thermos.write("a.thermos", format!("{text}\nexport(Task(name = \"t\"));"));
    let output = thermos.run(["check", "a.thermos"]).expect_code(0);
    output.stderr.lines().map(str::to_owned).collect()
}

const TASKS: &str = "
    let p = Process(cmdline = 'true');
    let a = p(name = 'a'); let b = p(name = 'b'); let c = p(name = 'c');
    let small = Task(name = 'small', processes = [a, b], constraints = order(a, b), finalization_wait = 10,
        resources = Resources(cpu = 0.5, ram = 2, disk = 3));
    let large = Task(name = 'large', processes = [b, c], max_failures = 7, user = 'u', finalization_wait = 20,
        resources = Resources(cpu = 1, ram = 1, disk = 9, gpu = 1));
    fn names(task) { task.processes.map(|one| one.name.to_string()) }
    fn orders(task) { task.constraints.map(|one| one.order.to_array().join('<')) }
";

#[test]
fn order_takes_processes_and_names_and_makes_one_constraint() {
    let text = "print(order(a, 'b', #{name: 'c'})); print((order(a, b) + order(b, c)).len());
        print(Processes::order('a')[0].order); print(order(p(name = '{{x}}').bind(x = 1), 'y')[0].order);";
    let found = printed(&format!("{TASKS}{text}"));
    assert_eq!(found, ["[Constraint(order=StringList(a, b, c))]", "2", "StringList(a)", "StringList(1, y)"]);
}

#[test]
fn combined_tasks_run_at_once_and_add_up() {
    let text = "let t = combine_tasks(small, large); print(t.name); print(names(t)); print(orders(t)); print(t.resources);
        print(t.finalization_wait); print(t.max_failures); print(t.user);
        print(combine_tasks([small, large]) == t); print(Tasks::combine(small, large, name = 'x').name);
        print(combine_tasks() == Task()); print(names(combine_tasks(small, small, small)));
        print(combine_tasks(small, #{name: 'map', processes: [#{name: 'd', cmdline: 'e'}]}).processes.len());";
    let found = printed(&format!("{TASKS}{text}"));
    assert_eq!(found[..3], ["large", "[\"a\", \"b\", \"c\"]", "[\"a<b\"]"]);
    let resources = ["Resources(cpu=1.5,", "ram=3,", "disk=12,", "gpu=1)"];
    assert_eq!(found[3..7].iter().map(|line| line.trim()).collect::<Vec<_>>(), resources);
    assert_eq!(found[7..], ["20", "7", "u", "true", "x", "true", "[\"a\", \"b\"]", "3"]);
}

#[test]
fn concatenated_tasks_run_one_after_the_other_and_share() {
    let text = "let t = concat_tasks(small, large); print(orders(t)); print(t.resources.cpu); print(t.resources.disk);
        print(t.finalization_wait); print(t.name); print(names(t));
        print(Tasks::concat([small, large], user = 'v').user); print(concat_tasks() == Task());
        print(orders(concat_tasks(small, Task(name = 'empty'))));
        print(orders(concat_tasks(Task(name = '1', processes = [a]), Task(name = '2', processes = [a(cmdline = 'false')]))));";
    let found = printed(&format!("{TASKS}{text}"));
    // Both have `b`: it does not wait for itself.
    assert_eq!(found[0], "[\"a<b\", \"a<b\", \"a<c\", \"b<c\"]");
    assert_eq!(
        found[1..],
        ["1.0", "9", "30", "large", "[\"a\", \"b\", \"c\"]", "v", "true", "[\"a<b\"]", "[\"a<a\"]"]
    );
}

#[test]
fn simple_and_sequential_tasks_are_made_of_little() {
    let text = "let t = SimpleTask('s', 'echo {{x}}').bind(x = 1); print(t.check()); print(t.processes[0].cmdline);
        print(t.resources.ram == Tasks::SIMPLE_RAM && t.resources.disk == Tasks::SIMPLE_DISK && t.resources.cpu == Tasks::SIMPLE_CPU);
        print(SimpleTask(name = 's', command = 'c') == Tasks::simple('s', 'c'));
        print(orders(SequentialTask(name = 'q', processes = [c, a, b]))); print(SequentialTask() == Task());
        print(SequentialTask(Task(name = 'q', processes = [a, b])) == Tasks::sequential(Task(name = 'q', processes = [a, b])));
        print(orders(SequentialTask(Task(processes = [a, b]), name = 'r'))); print(Tasks::sequential(Task(name = 'n')).constraints.len());
        print(SequentialTask(#{name: 'm', processes: [a, b]}).constraints.len());";
    let found = printed(&format!("{TASKS}{text}"));
    assert_eq!(
        found,
        ["TypeCheck(OK)", "echo 1", "true", "true", "[\"c<a<b\"]", "true", "true", "[\"a<b\"]", "0", "1"]
    );
}

#[test]
fn options_are_rendered_as_commands_take_them() {
    let text = "print(java_options('server', Xmx = '1g', D = 0)); print(python_options('v', #{b: 1, a: 2.5}, level = true));
        print(Options::java() + '|' + Options::python()); print(Options::render_option('-', '--', 'x'));
        print(Options::render_option('-', '--', 'long', 'v w')); print(Options::render_options('+', '/', ['a', #{bc: 'd'}]));
        print(java_options(#{Q: '', R: false, S: ()}));";
    assert_eq!(
        printed(text),
        [
            "-server -Xmx 1g -D",
            "-v -a 2.5 -b 1 --level True",
            "|",
            "-x",
            "--long v w",
            "+a /bc d",
            "-Q -R -S"
        ]
        .map(str::to_owned)
    );
}

#[test]
fn units_add_up_what_tasks_need() {
    let text = "let r = Units::optional_resources(Empty); print(r.cpu); print(Units::optional_resources(#{cpu: 2}).ram);
        print(Units::resources_sum(small.resources, Empty, large.resources).cpu); print(Units::resources_max([small.resources, large.resources]).ram);
        print(Units::resources_sum().disk); print(names(Task(processes = Units::processes_merge(small, large, small))));
        print(Units::constraints_merge(small, small).len()); print(Units::processes_merge(Task()).len());
        print(Units::finalization_wait_sum(1, Empty, small.finalization_wait)); print(Units::finalization_wait_max(1, 5, 3));";
    let found = printed(&format!("{TASKS}{text}"));
    assert_eq!(found, ["0.0", "0", "1.5", "2", "0", "[\"a\", \"b\", \"c\"]", "1", "0", "11", "5"]);
}

#[test]
fn each_helper_is_documented_at_the_top_of_its_file() {
    let library = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("stdlib");
    let text = |name: &str| std::fs::read_to_string(library.join(format!("{name}.thermos"))).unwrap();
    let head =
        |text: &str| text.lines().take_while(|line| line.starts_with("//")).collect::<Vec<_>>().join("\n");
    let modules = [
        (
            "units",
            "Units::",
            "optional_resources resources_sum resources_max processes_merge constraints_merge finalization_wait_sum \
             finalization_wait_max",
        ),
        ("processes", "Processes::", "order"),
        ("tasks", "Tasks::", "simple sequential combine concat"),
        ("options", "Options::", "java python render_option render_options"),
        ("globals", "", "combine_tasks concat_tasks SimpleTask SequentialTask java_options python_options"),
    ];
    for (file, prefix, helpers) in modules {
        let text = text(file);
        for helper in helpers.split_whitespace() {
            assert!(head(&text).contains(&format!("{prefix}{helper}(")), "{file}: {helper}");
            assert!(text.contains(&format!("fn {helper}(")), "{file}: {helper}");
        }
    }
}

/// What is wrong, and the column at which it stands in the user's line.
const WRONG: [(&str, &str, u32); 22] = [
    ("order(5, 'a');", "an order takes processes or their names, not an integer", 7),
    ("order(['a', 'b']);", "an order takes processes or their names, not a list of them", 7),
    ("order('a', Process(cmdline = 'x'));", "a process in an order needs a name", 12),
    ("order('a', Task());", "an order takes processes or their names, not a Task", 12),
    ("combine_tasks(Task(), 5);", "expected a Task, found an integer", 23),
    ("concat_tasks([Task(), Process(name = 'x')]);", "expected a Task, found a Process", 23),
    ("concat_tasks(Task(), nam = 'x');", "Task has no field `nam`", 22),
    ("SimpleTask('a');", "a simple task is made of its name and its command", 12),
    ("SimpleTask(name = 'a', cmd = 'b');", "a simple task is made of its name and its command", 1),
    ("SimpleTask('a', 'b', 'c');", "`SimpleTask` does not take text, text, text", 1),
    ("SequentialTask(5);", "expected a Task, found an integer", 16),
    (
        "SequentialTask(constraints = order('a'));",
        "Cannot turn a Task with existing constraints into a SequentialTask!",
        1,
    ),
    ("SequentialTask(proceses = []);", "Task has no field `proceses`", 16),
    ("java_options(5);", "the name of an option is text, not an integer", 14),
    ("Options::render_options('-', '--', 'abc');", "expected a list of options, found text", 36),
    ("Units::resources_sum(5);", "expected Resources, found an integer", 22),
    ("Units::finalization_wait_sum(1, 'x');", "a wait must be a number here, but is text: x", 33),
    ("Units::processes_merge(Task(), ());", "expected a Task, found nothing", 32),
    ("Units::resources_max(#{cpu: '{{n}}'});", "cpu must be a number here, but is text: {{n}}", 29),
    ("Tasks::combin(Task());", "Tasks has no function `combin`", 8),
    ("Tasks::sequential('a', 'b');", "`sequential` does not take text, text", 8),
    ("Process::order('a');", "there is no module `Process`", 1),
];

#[test]
fn wrong_arguments_are_shown_in_the_users_file() {
    let thermos = Thermos::new();
    for (text, message, column) in WRONG {
        thermos.write("a.thermos", text);
        let output = thermos.run(["check", "--format", "json", "a.thermos"]).expect_code(3);
        let found = &output.json()[0];
        let place = &found["labels"][0]["place"];
        let shown = (found["message"].as_str(), place["file"].as_str(), place["column"].as_u64());
        assert_eq!(shown, (Some(message), Some("a.thermos"), Some(u64::from(column))), "{text}: {found:#}");
        assert!(found["help"].as_str().is_some_and(|help| !help.is_empty()), "{text}");
    }
}
