//! The example of 180 mappers and a reducer, against make with the same commands.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::Scale;
use crate::Outcome;
use crate::case::{Case, compare};
use crate::peers::find;
use crate::report::Report;
use crate::work::{MEMORY, command, thermos};

/// Eight at a time, as the example says.
pub(super) fn take(scale: &Scale, report: &mut Report) -> Outcome<()> {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/mapreduce.thermos");
    if !find(report, "bc", "bc") || !find(report, "make", "make") {
        return Ok(());
    }
    let cases = [
        Case::new("make -j8", |folder| {
            fs::write(folder.join("Makefile"), makefile()?)?;
            let mut call = command("make", folder);
            call.args(["-s", "-j8"]);
            Ok(call)
        }),
        Case::new("thermos run", |folder| {
            let mut call = thermos(folder);
            call.arg("run").arg(&example);
            Ok(call)
        })
        .limit("at most 1.1 on the clock"),
    ];
    compare(report, Path::new(MEMORY), scale.rounds(), &cases)
}

fn makefile() -> Outcome<String> {
    let mut text = String::from("SHELL = /bin/bash\nall:");
    (0..180).for_each(|degrees| _ = write!(text, " m{degrees}"));
    text.push_str("\n\tcat temp.sine_table.* | nl > sine_table.txt && rm -f temp.sine_table.*\n");
    for degrees in 0..180 {
        write!(
            text,
            "m{degrees}:\n\techo 'scale=50;s({degrees}*4*a(1)/180)' | bc -l > temp.sine_table.{degrees:03}\n"
        )?;
    }
    Ok(text)
}
