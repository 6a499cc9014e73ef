//! The table that is printed and the file that is written.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::Outcome;

/// A line of the table.
#[derive(Debug, Default)]
pub(crate) struct Row {
    pub(crate) case: String,
    pub(crate) clock: Option<f64>,
    pub(crate) processor: Option<f64>,
    pub(crate) memory: Option<f64>,
    /// Times the first case of the figure.
    pub(crate) times_clock: Option<f64>,
    pub(crate) times_processor: Option<f64>,
    /// What no column is for.
    pub(crate) other: String,
    pub(crate) limit: String,
}

/// All that was measured.
pub(crate) struct Report {
    figures: Vec<Value>,
    path: PathBuf,
    load: [String; 2],
}

impl Report {
    pub(crate) fn new() -> Outcome<Report> {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/bench.json");
        Ok(Report { figures: Vec::new(), path, load: [load()?, String::new()] })
    }

    /// Begins a figure.
    pub(crate) fn begin(&mut self, name: &str) {
        println!("\n{name}");
        println!("  {:<38} {:>11} {:>11} {:>9} {:>13}", "", "clock", "processor", "memory", "ratios");
        self.figures.push(json!({"figure": name, "rows": [], "notes": []}));
    }

    pub(crate) fn row(&mut self, row: Row) {
        let shown = |value: Option<f64>, unit: &str| {
            value.map(|value| format!("{value:.1} {unit}")).unwrap_or_default()
        };
        let ratios = match (row.times_clock, row.times_processor) {
            (Some(clock), Some(processor)) => format!("{clock:.2} / {processor:.2}"),
            _ => String::new(),
        };
        let thousand = |value: Option<f64>| shown(value.map(|value| value * 1000.0), "ms");
        let (clock, processor, memory) =
            (thousand(row.clock), thousand(row.processor), shown(row.memory, "MB"));
        let line = format!(
            "  {:<38} {clock:>11} {processor:>11} {memory:>9} {ratios:>13}   {}{}",
            row.case, row.other, row.limit
        );
        println!("{}", line.trim_end());
        self.add(
            "rows",
            json!({
                "case": row.case, "clock_s": row.clock, "processor_s": row.processor, "memory_mb": row.memory,
                "times_clock": row.times_clock, "times_processor": row.times_processor,
                "other": row.other, "limit": row.limit,
            }),
        );
    }

    /// Says what was left out, and why.
    pub(crate) fn note(&mut self, text: &str) {
        println!("  {text}");
        self.add("notes", text.into());
    }

    fn add(&mut self, list: &str, entry: Value) {
        let entries = self.figures.last_mut().and_then(|figure| figure[list].as_array_mut());
        entries.into_iter().for_each(|entries| entries.push(entry.clone()));
    }

    pub(crate) fn save(&mut self) -> Outcome<()> {
        self.load[1] = load()?;
        let text = serde_json::to_string_pretty(&json!({"load": self.load, "figures": self.figures}))?;
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        Ok(std::fs::write(&self.path, text + "\n")?)
    }

    /// Says how busy the machine was and where the figures are.
    pub(crate) fn finish(self) -> Outcome<()> {
        println!("\nload average: {} at first, {} at last", self.load[0], self.load[1]);
        println!("written to {}", self.path.display());
        Ok(())
    }
}

fn load() -> Outcome<String> {
    let text = std::fs::read_to_string("/proc/loadavg")?;
    Ok(text.split_whitespace().take(3).collect::<Vec<_>>().join(" "))
}
