//! Mistakes on their way through Rhai: a native function raises one, the session gets it back whole.

use rhai::{Dynamic, EvalAltResult, Position};

use crate::diagnostics::{Diagnostic, Sources, Span, did_you_mean_help, with_article};
use crate::template::ResolveError;
use crate::types::{self, ErrorKind};

/// What natives return.
pub(crate) type Outcome<T> = Result<T, Box<EvalAltResult>>;

/// A mistake found by a native function.
#[derive(Clone, Debug)]
pub(crate) struct Mistake {
    /// The code, without `thermos::`.
    pub(crate) code: &'static str,
    /// What is wrong.
    pub(crate) message: String,
    /// The value at fault; if it is none, the call.
    pub(crate) at: Span,
    /// A few words beside the caret.
    pub(crate) label: String,
    /// What to do.
    pub(crate) help: Option<String>,
    /// The value at fault: `Process "web".max_failures`.
    pub(crate) path: Option<String>,
}

impl Mistake {
    /// Makes a mistake.
    pub(crate) fn new(code: &'static str, message: impl Into<String>, at: Span) -> Mistake {
        Mistake { code, message: message.into(), at, label: "here".to_owned(), help: None, path: None }
    }

    /// Adds what to do.
    pub(crate) fn with_help(self, help: impl Into<String>) -> Mistake {
        Mistake { help: Some(help.into()), ..self }
    }

    /// Adds the path of the value at fault.
    pub(crate) fn with_path(self, path: String) -> Mistake {
        Mistake { path: Some(path), ..self }
    }

    /// Adds the words beside the caret.
    pub(crate) fn with_label(self, label: impl Into<String>) -> Mistake {
        Mistake { label: label.into(), ..self }
    }

    /// Raises it in the script.
    pub(crate) fn raise<T>(self) -> Outcome<T> {
        Err(self.into())
    }

    /// Puts it into words, with its place.
    pub(crate) fn diagnostic(self, sources: &Sources) -> Diagnostic {
        let diagnostic = Diagnostic::error(self.code, self.message)
            .with_label(sources.place(self.at), self.label)
            .with_optional_help(self.help);
        Diagnostic { path: self.path, ..diagnostic }
    }
}

impl From<Mistake> for Box<EvalAltResult> {
    fn from(mistake: Mistake) -> Box<EvalAltResult> {
        EvalAltResult::ErrorRuntime(Dynamic::from(mistake), Position::NONE).into()
    }
}

/// Words an error of the type system for users.
impl From<types::Error> for Mistake {
    fn from(error: types::Error) -> Mistake {
        let at = error.at;
        match &error.kind {
            ErrorKind::UnknownField { name, field, fields } => {
                let known = fields.iter().map(String::as_str);
                let listed = || format!("{name} has the fields {}", fields.join(", "));
                let help = did_you_mean_help(field, known).unwrap_or_else(listed);
                Mistake::new("unknown_field", format!("{name} has no field `{field}`"), at)
                    .with_label("unknown field")
                    .with_help(help)
            }
            ErrorKind::BadEnum { value, values, .. } => {
                let listed = values.join(", ");
                let help = did_you_mean_help(value, values.iter().map(String::as_str))
                    .unwrap_or_else(|| format!("write one of {listed}"));
                Mistake::new("bad_enum", format!("expected one of {listed}, found {value:?}"), at)
                    .with_label("not one of these")
                    .with_help(help)
            }
            ErrorKind::Coercion { value, target, .. } => {
                let expected = target_words(target);
                Mistake::new("wrong_type", format!("expected {expected}, found {value}"), at)
                    .with_label(format!("not {expected}"))
                    .with_help(format!("give it {expected}"))
            }
            ErrorKind::NotList { name, found } => {
                let element = name.strip_suffix("List").unwrap_or(name);
                Mistake::new("wrong_type", format!("expected a list of {element}, found {found}"), at)
                    .with_label(format!("this is {found}"))
                    .with_help("write a list: `[a, b]`")
            }
            ErrorKind::NotMap { found, .. } => {
                Mistake::new("wrong_type", format!("expected a map, found {found}"), at)
                    .with_label(format!("this is {found}"))
                    .with_help("write a map: `#{key: value}`")
            }
            ErrorKind::NotMapping { name, found } => {
                let help = match found.as_str() {
                    "nothing" => {
                        "a function gives its last expression, if no `;` stands behind it".to_owned()
                    }
                    _ => format!("write its fields: `{name}(field = value)`, or give a map"),
                };
                Mistake::new("wrong_type", format!("expected {}, found {found}", with_article(name)), at)
                    .with_label(format!("this is {found}"))
                    .with_help(help)
            }
            ErrorKind::Unmade { name } => {
                let message =
                    format!("a default cannot hold {}: the type is only being made", with_article(name));
                Mistake::new("wrong_type", message, at)
                    .with_label("needs the type")
                    .with_help(format!("leave it empty: `Default(List(\"{name}\"), [])`"))
            }
            ErrorKind::Resolve(ResolveError::InvalidReference(_)) => {
                Mistake::new("invalid_reference", error.to_string(), at)
                    .with_help("a reference is letters, digits and `_`, with `.name` and `[key]` behind it")
            }
            ErrorKind::Resolve(_) => Mistake::new("template", error.to_string(), at)
                .with_help("look for a name that is bound to text which refers to it"),
            ErrorKind::BadBinding(_) => Mistake::new("bad_binding", error.to_string(), at)
                .with_help("bind by name: `x.bind(first = \"brian\")`, or give a map"),
            ErrorKind::NotFound { name, object } => {
                Mistake::new("not_found", format!("{object} has nothing called `{name}`"), at)
                    .with_help("check its spelling")
            }
            _ => Mistake::new("type", error.to_string(), at).with_help("give it a value of the right type"),
        }
    }
}

/// Names the type that was expected, with its article.
fn target_words(target: &str) -> String {
    match target {
        "String" => "text".to_owned(),
        "Integer" => "an integer".to_owned(),
        "Float" => "a number".to_owned(),
        "Boolean" => "true or false".to_owned(),
        other => with_article(other),
    }
}
