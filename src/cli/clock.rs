//! Local time: what users read, where records have seconds since 1970.

use jiff::{Timestamp, Zoned, tz::TimeZone};

/// Returns the present local time.
pub(crate) fn now() -> Zoned {
    Zoned::now()
}

/// Returns the present time in seconds since 1970.
pub(crate) fn seconds() -> f64 {
    Timestamp::now().as_millisecond() as f64 / 1000.0
}

/// Writes a time as `Tue May 29 16:25:32 2012`.
pub(crate) fn text(milliseconds: i64) -> String {
    text_in(milliseconds, TimeZone::system())
}

/// Writes a time given in seconds, as records of processes have it.
pub(crate) fn seconds_text(seconds: f64) -> String {
    text((seconds * 1000.0) as i64)
}

fn text_in(milliseconds: i64, zone: TimeZone) -> String {
    match Timestamp::from_millisecond(milliseconds) {
        Ok(time) => time.to_zoned(zone).strftime("%a %b %e %H:%M:%S %Y").to_string(),
        Err(_) => "an impossible time".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_the_manual_writes_them() {
        assert_eq!(text_in(1_338_308_732_018, TimeZone::UTC), "Tue May 29 16:25:32 2012");
        assert_eq!(text_in(1_338_654_332_000, TimeZone::UTC), "Sat Jun  2 16:25:32 2012");
        assert_eq!(text_in(i64::MAX, TimeZone::UTC), "an impossible time");
    }
}
