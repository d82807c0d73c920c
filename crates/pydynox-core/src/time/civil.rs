//! Calendar dates and times of day, without a zone.

use super::SECOND;

/// A calendar date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    /// 1 to 9999.
    pub year: i32,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
}

/// A time of day, without an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time {
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
    /// 0 to 999,999.
    pub microsecond: u32,
}

impl Date {
    /// Days since 1970-01-01 (<https://howardhinnant.github.io/date_algorithms.html>, `days_from_civil`).
    pub(super) fn days(self) -> i64 {
        let (month, day) = (i64::from(self.month), i64::from(self.day));
        let year = i64::from(self.year) - i64::from(month <= 2);
        let era = year.div_euclid(400);
        let of_era = year - era * 400;
        let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
    }

    /// The date this many days after 1970-01-01 (`civil_from_days`).
    pub(super) fn from_days(days: i64) -> Self {
        let days = days + 719_468;
        let era = days.div_euclid(146_097);
        let of_era = days - era * 146_097;
        let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        Self {
            year: (year + era * 400 + i64::from(month <= 2)) as i32,
            month: month as u8,
            day: day as u8,
        }
    }

    /// The date with these fields, if the calendar has it.
    pub(super) fn real(year: u32, month: u32, day: u32) -> Option<Self> {
        if !(1..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return None;
        }
        let date = Self {
            year: year as i32,
            month: month as u8,
            day: day as u8,
        };
        (Self::from_days(date.days()) == date).then_some(date)
    }

    /// The date of a day of a year, 1 to 366, if the year has it.
    pub(super) fn of_year(year: u32, ordinal: u32) -> Option<Self> {
        let first = Self::real(year, 1, 1)?;
        let date = Self::from_days(first.days() + i64::from(ordinal) - 1);
        (ordinal > 0 && date.year == first.year).then_some(date)
    }

    /// The day of its year, 1 to 366.
    pub(super) fn ordinal(self) -> u32 {
        let first = Self {
            month: 1,
            day: 1,
            ..self
        };
        (self.days() - first.days() + 1) as u32
    }
}

impl Time {
    pub(super) const MIDNIGHT: Self = Self {
        hour: 0,
        minute: 0,
        second: 0,
        microsecond: 0,
    };

    pub(super) fn microseconds(self) -> i64 {
        let seconds =
            (i64::from(self.hour) * 60 + i64::from(self.minute)) * 60 + i64::from(self.second);
        seconds * SECOND + i64::from(self.microsecond)
    }

    pub(super) fn of_day(microseconds: i64) -> Self {
        let seconds = microseconds / SECOND;
        Self {
            hour: (seconds / 3600) as u8,
            minute: (seconds / 60 % 60) as u8,
            second: (seconds % 60) as u8,
            microsecond: (microseconds % SECOND) as u32,
        }
    }
}
