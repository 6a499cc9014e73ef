//! Reading the records that there are most of. What serde derives for a struct that carries unknown fields takes every
//! line apart into values of any kind first, which is three times the work.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use super::record::ProcessStatus;
use super::states::{ProcessState, TaskState};

/// Reads a map into a record with a field `extra` for the rest: fields that must be there, then those that may be.
macro_rules! read_fields {
    ($map:ident, $record:ident, [$($needed:ident),*], [$($free:ident),*]) => {{
        $(let mut $needed = false;)*
        while let Some(Word(field)) = $map.next_key()? {
            match &*field {
                $(stringify!($needed) if $needed => return Err(Error::duplicate_field(stringify!($needed))),
                stringify!($needed) => {
                    $record.$needed = $map.next_value()?;
                    $needed = true;
                })*
                $(stringify!($free) if $record.$free.is_some() => {
                    return Err(Error::duplicate_field(stringify!($free)));
                }
                stringify!($free) => $record.$free = $map.next_value()?,)*
                _ => drop($record.extra.insert(field.into_owned(), $map.next_value()?)),
            }
        }
        $(if !$needed {
            return Err(Error::missing_field(stringify!($needed)));
        })*
    }};
}

impl<'de> Deserialize<'de> for ProcessStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ProcessStatus, D::Error> {
        deserializer.deserialize_map(OfProcess)
    }
}

struct OfProcess;

impl<'de> Visitor<'de> for OfProcess {
    type Value = ProcessStatus;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the status of a process")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ProcessStatus, A::Error> {
        let mut status = ProcessStatus::default();
        read_fields!(
            map,
            status,
            [seq, process, run, state],
            [
                coordinator_pid,
                coordinator_ticks,
                host,
                boot_id,
                fork_time,
                pid,
                sid,
                ticks,
                start_time,
                stop_time,
                return_code,
                usage,
                lost_output,
                reason
            ]
        );
        Ok(status)
    }
}

impl<'de> Deserialize<'de> for ProcessState {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ProcessState, D::Error> {
        let Word(word) = Word::deserialize(deserializer)?;
        use ProcessState::{Failed, Forked, Killed, Lost, Running, Success, Waiting};
        let known = [Waiting, Forked, Running, Success, Failed, Killed, Lost];
        let found = known.into_iter().find(|state| state.as_str() == word);
        Ok(found.unwrap_or_else(|| ProcessState::Other(word.into_owned())))
    }
}

impl<'de> Deserialize<'de> for TaskState {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<TaskState, D::Error> {
        let Word(word) = Word::deserialize(deserializer)?;
        use TaskState::{Active, Cleaning, Failed, Finalizing, Killed, Lost, Success};
        let known = [Active, Cleaning, Finalizing, Success, Failed, Killed, Lost];
        let found = known.into_iter().find(|state| state.as_str() == word);
        Ok(found.unwrap_or_else(|| TaskState::Other(word.into_owned())))
    }
}

/// A text that is copied only if it has escapes.
struct Word<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Word<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Word<'de>, D::Error> {
        deserializer.deserialize_str(OfWord)
    }
}

struct OfWord;

impl<'de> Visitor<'de> for OfWord {
    type Value = Word<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Word<'de>, E> {
        Ok(Word(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Word<'de>, E> {
        Ok(Word(Cow::Owned(text.to_owned())))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Word<'de>, E> {
        Ok(Word(Cow::Owned(text)))
    }
}
