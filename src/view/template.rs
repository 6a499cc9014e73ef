//! Rendering of the templates that pictures are drawn with, in a light and a dark theme.

use handlebars::{Context, Handlebars, Helper, HelperResult, Output, RenderContext, handlebars_helper};
use serde::Serialize;
use serde_json::{Value, json};

use super::look::{DARK, LIGHT, Theme, Tone};

const FONTS: &str =
    "ui-sans-serif, system-ui, -apple-system, 'Segoe UI', 'Noto Sans', 'DejaVu Sans', sans-serif";

handlebars_helper!(is_critical: |class: str| class == "critical");

/// A template and its style sheet.
pub(super) struct Template {
    pub(super) svg: &'static str,
    pub(super) css: &'static str,
}

/// Renders a style sheet alone, for pages that pictures stand in.
pub(super) fn styles(template: &Template) -> String {
    render(&Template { svg: "{{> css}}", ..*template }, &json!({}), false)
}

/// Renders a template with a drawing and the themes of all pictures; `inline` leaves its styles to the page.
pub(super) fn render(template: &Template, drawing: &impl Serialize, inline: bool) -> String {
    let mut engine = Handlebars::new();
    engine.register_helper("px", Box::new(pixels));
    engine.register_helper("is_critical", Box::new(is_critical));
    // As below: a defect in it shows where it is used.
    let _ = engine.register_partial("css", template.css);
    // Text is escaped as XML wants it: handlebars escapes what HTML does, and more.
    let mut data = serde_json::to_value(drawing).unwrap_or(Value::Null);
    if let Value::Object(fields) = &mut data {
        fields.insert("inline".to_owned(), json!(inline));
        fields.insert("fonts".to_owned(), json!(FONTS));
        // Written out, not as variables: not every viewer of SVG knows those.
        let dark = theme(&DARK, "@media (prefers-color-scheme: dark) {\n", "}\n");
        fields.insert("themes".to_owned(), json!([theme(&LIGHT, "", ""), dark]));
    }
    // The templates are part of this crate and are rendered by its tests: this is for a defect in them.
    engine.render_template(template.svg, &data).unwrap_or_else(|error| format!("<!-- {error} -->\n"))
}

fn theme(theme: &Theme, open: &str, close: &str) -> Value {
    let tone = |tone: Tone| {
        let (color, back) = theme.tone(tone);
        json!({"name": tone.class(), "color": color, "back": back})
    };
    let tones: Vec<Value> = Tone::ALL.into_iter().map(tone).collect();
    let Theme { back, text, faint, line, frame, edge, .. } = theme;
    json!({"open": open, "close": close, "back": back, "text": text, "faint": faint, "line": line, "frame": frame,
        "edge": edge, "tones": tones})
}

/// Writes a number of pixels with one decimal at most.
fn pixels(
    helper: &Helper<'_>,
    _: &Handlebars<'_>,
    _: &Context,
    _: &mut RenderContext<'_, '_>,
    output: &mut dyn Output,
) -> HelperResult {
    let number = helper.param(0).and_then(|param| param.value().as_f64()).unwrap_or_default();
    let text = format!("{number:.1}");
    Ok(output.write(text.strip_suffix(".0").unwrap_or(&text))?)
}
