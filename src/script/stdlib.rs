//! The helpers that are written in the language itself: `stdlib/*.thermos`, embedded.
//!
//! Each file is a Rhai module; `globals.thermos` and [`GLOBAL`] give the names that need no module. Helpers that take any number
//! of arguments get them as one list: the rewriting pass puts it together.

use std::sync::Arc;

use rhai::{Engine, EvalAltResult, Module, Scope};

use super::include::NoFiles;
use super::raise::Outcome;
use super::state::Shared;

/// Modules and their texts, each after those that it uses.
const FILES: [(&str, &str); 5] = [
    ("Units", include_str!("../../stdlib/units.thermos")),
    ("Processes", include_str!("../../stdlib/processes.thermos")),
    ("Tasks", include_str!("../../stdlib/tasks.thermos")),
    ("Options", include_str!("../../stdlib/options.thermos")),
    ("", include_str!("../../stdlib/globals.thermos")),
];

/// Functions of the library that need no module.
pub(crate) const LIBRARY: [&str; 7] = [
    "order",
    "combine_tasks",
    "concat_tasks",
    "java_options",
    "python_options",
    "SimpleTask",
    "SequentialTask",
];

/// A module whose functions need not be called by its name: `order` is called once for each constraint.
const GLOBAL: &str = "Processes";

/// Functions of the library that take any number of positional arguments.
pub(crate) const VARIADIC: [&str; 17] = [
    "order",
    "combine_tasks",
    "concat_tasks",
    "java_options",
    "python_options",
    "Units::optional_resources",
    "Units::resources_sum",
    "Units::resources_max",
    "Units::processes_merge",
    "Units::constraints_merge",
    "Units::finalization_wait_sum",
    "Units::finalization_wait_max",
    "Processes::order",
    "Tasks::combine",
    "Tasks::concat",
    "Options::java",
    "Options::python",
];

/// Says whether a script may use the library: it mentions a name of it, or what names may come from, files and `Fn`.
pub(crate) fn may_be_used(text: &str) -> bool {
    let modules = FILES.iter().map(|(name, _)| *name).filter(|name| !name.is_empty());
    modules.chain(LIBRARY).chain(["include", "Fn"]).any(|name| text.contains(name))
}

/// Returns the functions of a module, but for those that only the library needs; none if there is no such module.
pub(crate) fn functions(module: &str) -> Vec<&'static str> {
    let text =
        FILES.iter().find(|(name, _)| !name.is_empty() && *name == module).map_or("", |(_, text)| text);
    let mut names: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("fn ")?.split('(').next()).collect();
    let documented = |name: &str| text.contains(&format!("{module}::{name}("));
    names.retain(|name| documented(name));
    names.dedup();
    names
}

/// Returns the modules.
pub(crate) fn modules() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(name, _)| *name).filter(|name| !name.is_empty())
}

/// Returns how a helper is called and what it does, as the comment at the top of its file says.
pub(crate) fn document(name: &str) -> Option<(String, String)> {
    FILES.iter().find_map(|(_, text)| {
        let head = text.lines().map_while(|line| line.strip_prefix("//"));
        let mut entries: Vec<(String, String)> = Vec::new();
        for line in head {
            let line = line.get(1..).unwrap_or("");
            match (
                line.strip_prefix("  ").map(|entry| entry.split_once("  ").unwrap_or((entry, ""))),
                entries.last_mut(),
            ) {
                (Some((usage, about)), _) if !usage.is_empty() && !usage.starts_with(' ') => {
                    entries.push((usage.to_owned(), about.trim().to_owned()));
                }
                (Some((_, more)), Some((_, about))) => about.push_str(&format!(" {}", more.trim())),
                _ => {}
            }
        }
        entries.into_iter().find(|(usage, _)| usage.split('(').next() == Some(name))
    })
}

/// Registers the library.
///
/// # Errors
/// Whatever is wrong with its text: a defect of ours, which the tests would show.
pub(crate) fn register(engine: &mut Engine, shared: &Shared) -> Outcome<()> {
    shared.lock().texts.in_library = true;
    for (name, text) in FILES {
        let program = {
            let mut state = shared.lock();
            state.texts.read(&NoFiles, &format!("stdlib {name}"), text)
        };
        let program = program.map_err(|wrong| EvalAltResult::from(wrong.diagnostic.message))?;
        let mut ast =
            engine.compile(&program.text).map_err(|error| EvalAltResult::from(error.to_string()))?;
        ast.set_source(format!("stdlib {name}"));
        let mut constants = Scope::new();
        engine.run_ast_with_scope(&mut constants, &ast)?;
        let mut module = Module::eval_ast_as_new(Scope::new(), &ast, engine)?;
        for (name, _, value) in constants.iter() {
            module.set_var(name, value);
        }
        let module = Arc::new(module);
        if name.is_empty() || name == GLOBAL {
            engine.register_global_module(module.clone());
        }
        if !name.is_empty() {
            engine.register_static_module(name, module);
        }
    }
    shared.lock().texts.forget_places();
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::script::engine::{native_names, set_up};
    use crate::script::limits::Limits;
    use crate::script::state::State;

    #[test]
    fn scripts_that_use_the_library_are_known_by_its_names() {
        let limits = Limits::default();
        let shared = Shared::new(State::default(), &limits);
        let mut engine = set_up(&limits, &shared).engine;
        let before = native_names(&engine);
        shared.lock().texts.functions.clone_from(&before);
        register(&mut engine, &shared).unwrap();
        let after = native_names(&engine);
        let known: HashSet<String> = before.into_iter().chain(LIBRARY.map(str::to_owned)).collect();
        assert_eq!(after, known);
        assert!(may_be_used("Tasks::combine([a])") && may_be_used("include('a');") && !may_be_used("Task()"));
    }
}
