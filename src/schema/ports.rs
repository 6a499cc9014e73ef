//! The named ports that objects refer to (SEMANTICS 10.2).

use std::collections::BTreeSet;

use thiserror::Error;

use crate::template::{Component, Reference, Work};
use crate::types::{self, Object};

/// Why the ports of an object cannot be told.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum PortsError {
    /// `thermos.ports` is followed by something else than a name in brackets. The parenthesis is left open on
    /// purpose: the text is the original's.
    #[error("Bad port specification \"{0}\" (should be of form \"thermos.ports[name]\"")]
    BadSpecification(String),
    /// The object cannot be interpolated.
    #[error(transparent)]
    Types(#[from] types::Error),
}

/// Returns the names of the ports that `object` refers to and that are not bound, sorted.
pub fn ports(object: &Object, work: &Work) -> Result<BTreeSet<String>, PortsError> {
    let interpolated = object.interpolate(work)?;
    let names = interpolated.unbound.iter().filter_map(|tag| port(&tag.reference).transpose());
    names.collect()
}

fn port(reference: &Reference) -> Result<Option<String>, PortsError> {
    let [Component::Dereference(thermos), Component::Dereference(ports), rest @ ..] = reference.components()
    else {
        return Ok(None);
    };
    match (thermos.as_str(), ports.as_str(), rest) {
        ("thermos", "ports", [Component::Index(name), ..]) => Ok(Some(name.clone())),
        ("thermos", "ports", [_, ..]) => Err(PortsError::BadSpecification(reference.to_string())),
        _ => Ok(None),
    }
}
