//! `thermos graph` and `thermos timeline`: what is drawn of a configuration and of a run, in each format.

use crate::harness::Thermos;

const TASK: &str = r#"
    let p = Process(cmdline = "true", min_duration = 0);
    export(Task(
        name = "t",
        processes = [p(name = "get"), p(name = "a&b"), p(name = "c"), p(name = "d"), p(name = "sum"),
            Process(name = "bad", cmdline = "exit 3"), p(name = "after bad"), p(name = "clean", final = true)],
        constraints = order("get", "a&b", "sum") + order("get", "c", "sum") + order("get", "d", "sum")
            + order("sum", "bad", "after bad"),
    ))
"#;

fn ran() -> Thermos {
    let thermos = Thermos::new();
    thermos.write("t.thermos", TASK);
    thermos.run(["run", "--task-id", "id", "t.thermos"]).expect_code(1);
    thermos
}

#[test]
fn a_configuration_is_drawn_as_rails_of_blocks() {
    let thermos = Thermos::new();
    thermos.write("t.thermos", TASK);
    let drawn = thermos.run(["graph", "t.thermos"]).expect_code(0).text;
    let expected = "t  8 processes\n\n○  get\n│\n○  a&b  c  d\n│\n○  sum\n│\n○  bad\n│\n○  after bad\n╷\n╌  finally\n╷\n○  clean\n";
    assert_eq!(drawn, expected);
}

#[test]
fn a_run_is_drawn_with_how_each_process_is_and_what_the_whole_waited_for() {
    let thermos = ran();
    let drawn = thermos.run(["graph", "id"]).expect_code(0).text;
    assert!(drawn.starts_with("id  FAILED, 8 processes, critical path "), "{drawn}");
    for line in ["✔  *get*  ", "✔  *sum*  ", "✘  *bad*  ", "○  after bad\n", "✔  *clean*  "] {
        assert!(drawn.contains(line), "{line}:\n{drawn}");
    }
    let colored = thermos.run(["--color", "always", "graph", "id"]).text;
    assert!(colored.contains("\u{1b}[31m✘\u{1b}[0m  \u{1b}[1mbad\u{1b}[0m"), "{colored}");
}

#[test]
fn other_tools_get_their_own_languages() {
    let thermos = ran();
    let dot = thermos.run(["graph", "--format", "dot", "id"]).text;
    assert!(
        dot.starts_with("digraph \"id\" {\n")
            && dot.contains("    \"get\" -> \"a&b\"")
            && dot.ends_with("}\n")
    );
    let mermaid = thermos.run(["graph", "--format", "mermaid", "t.thermos"]).text;
    assert!(mermaid.starts_with("flowchart LR\n") && mermaid.contains("[\"a#38;b\"]:::idle"), "{mermaid}");
    assert!(mermaid.contains("p0_0 --> p1_0 & p1_1 & p1_2\n"), "{mermaid}");
}

#[test]
fn pictures_are_whole_and_escape_names() {
    let thermos = ran();
    for arguments in [["graph", "--format", "svg", "id"], ["timeline", "--format", "svg", "id"]] {
        let svg = thermos.run(arguments).expect_code(0).text;
        assert!(svg.starts_with("<svg xmlns=") && svg.ends_with("</svg>\n"), "{svg}");
        assert!(svg.contains("a&amp;b") && !svg.contains("a&b") && !svg.contains("{{"), "{svg}");
    }
}

#[test]
fn a_timeline_has_a_line_for_each_process_that_ran() {
    let thermos = ran();
    let drawn = thermos.run(["timeline", "id"]).expect_code(0).text;
    assert!(drawn.starts_with("id  FAILED  "), "{drawn}");
    let names: Vec<&str> =
        drawn.lines().skip(3).map(|line| line[3..].split("  ").next().unwrap().trim()).collect();
    assert_eq!(names, ["get", "a&b", "c", "d", "sum", "bad", "clean"]);
    assert!(drawn.lines().any(|line| line.starts_with("✘ bad") && line.ends_with("rc=3")), "{drawn}");
}

#[test]
fn what_is_neither_a_file_nor_a_task_is_told() {
    let thermos = ran();
    thermos.run(["graph", "idd"]).expect_code(1).expect_diagnostic("unknown_task", "no task idd");
    thermos.run(["graph", "no.thermos"]).expect_code(6).expect_diagnostic("unreadable", "no such file");
    thermos.run(["timeline", "idd"]).expect_code(1).expect_diagnostic("unknown_task", "no task idd");
}
