//! How fast output passes through.

use std::path::Path;

use serde_json::{Value, json};

use super::Scale;
use crate::Outcome;
use crate::case::{Case, compare};
use crate::report::Report;
use crate::work::{MEMORY, command, many, name, run};

/// Zeros and lines into files in memory, for each way to log, against `cat`.
pub(super) fn take(scale: &Scale, report: &mut Report) -> Outcome<()> {
    let lines = "yes 'a line of some length, as programs write them' | head -c";
    let (zeros, lines) = scale.of(
        ("head -c 4G /dev/zero".to_owned(), format!("{lines} 1G")),
        ("head -c 512M /dev/zero".to_owned(), format!("{lines} 128M")),
    );
    for source in [&zeros, &lines] {
        let mut cases = vec![Case::new(
            format!("{} | cat", source.split(' ').next().unwrap_or_default()),
            move |folder| {
                let mut call = command("bash", folder);
                call.args(["-c", &format!("{source} | cat > out")]);
                Ok(call)
            },
        )];
        for (destination, mode) in
            [("file", "standard"), ("file", "rotate"), ("both", "standard"), ("both", "rotate")]
        {
            let mut task = many(1, source);
            task["processes"][0]["logger"] = json!({"destination": destination, "mode": mode});
            let own = Case::new(format!("thermos, {destination}, {mode}"), move |folder| run(folder, &task));
            cases.push(own.limit("at most 1.25 on the clock"));
        }
        compare(report, Path::new(MEMORY), 5, &cases)?;
    }
    Ok(())
}

/// Eight processes that print lines at once, followed by the run itself.
pub(super) fn take_follow(scale: &Scale, report: &mut Report) -> Outcome<()> {
    let size = scale.of("64M", "8M");
    let source = format!("yes 'a line of some length, as programs write them' | head -c {size}");
    let mut task = many(8, &source);
    task["max_concurrency"] = Value::from(8);
    let pipes: Vec<String> =
        (0..8).map(|number| format!("({source} | tee {} | sed s/^/x/) &", name(number))).collect();
    let cases = [
        Case::new(format!("8 times {size}, by tee and sed"), |folder| {
            let mut call = command("bash", folder);
            call.args(["-c", &format!("{} wait", pipes.join(" "))]);
            Ok(call)
        }),
        Case::new("thermos run --follow", |folder| {
            let mut call = run(folder, &task)?;
            call.arg("--follow");
            Ok(call)
        }),
    ];
    compare(report, Path::new(MEMORY), 5, &cases)
}
