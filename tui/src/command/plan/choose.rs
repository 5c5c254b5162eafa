//! The rules that choose a form for a purpose. They depend on the figures alone.
//!
//! The *base form* is the one that `pack` has by default: records as large as possible, no
//! dictionary, level 3. If that form saves little, the plain form is no larger, and it wins
//! by its speed.

/// What a pack is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum PackPurpose {
    /// The smallest file
    Archive,
    /// Fast reads of single items in a file that is hardly larger than the default form
    Balanced,
    /// The fastest reads of single items, in a file that may be half as large again
    RandomReads,
}

impl PackPurpose {
    /// All purposes, in the order in which they are printed.
    pub const ALL: [Self; 3] = [Self::Archive, Self::Balanced, Self::RandomReads];

    /// Returns the name in options and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Archive => "archive",
            Self::Balanced => "balanced",
            Self::RandomReads => "random-reads",
        }
    }
}

/// The figures of a form.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FormFigures {
    /// The estimated size of the file in bytes.
    pub file_size: u64,
    /// Bytes of items packed a second.
    pub pack_rate: f64,
    /// Seconds that a `get` of one item takes.
    pub get_seconds: f64,
    /// Bytes of items that are read a second, in order.
    pub scan_rate: f64,
}

/// How a form is chosen.
struct ChoiceRule {
    /// How much larger than the base form the file may be, in percent.
    max_growth: u64,
    /// The least rate of packing, as a part of the base form's.
    min_pack_rate: f64,
    /// Forms whose `get` takes at most this many times as long as that of the fastest are
    /// considered as fast.
    same_get: f64,
}

/// Of the forms at most so many percent larger than the smallest one, an archive has the one
/// that packs fastest.
const SAME_SIZE: u64 = 1;

/// Returns the number of the form that is best for a purpose; `None` if there are no forms.
/// The first form is the base form.
pub fn choose(forms: &[FormFigures], purpose: PackPurpose) -> Option<usize> {
    let rule = match purpose {
        PackPurpose::Archive => return archive(forms),
        PackPurpose::Balanced => ChoiceRule { max_growth: 5, min_pack_rate: 0.4, same_get: 1.1 },
        PackPurpose::RandomReads => {
            ChoiceRule { max_growth: 50, min_pack_rate: 0.2, same_get: 1.25 }
        }
    };
    let base = forms.first()?;
    let numbered = || forms.iter().enumerate();
    let is_admitted = |form: &FormFigures| {
        is_at_most(form.file_size, base.file_size, rule.max_growth)
            && form.pack_rate >= base.pack_rate * rule.min_pack_rate
    };
    let admitted = || numbered().filter(|(_, form)| is_admitted(form));
    let fastest = admitted().map(|(_, form)| form.get_seconds).fold(f64::MAX, f64::min);
    let fast = admitted().filter(|(_, form)| form.get_seconds <= fastest * rule.same_get);
    fast.min_by_key(|(_, form)| form.file_size).map(|(number, _)| number).or(Some(0))
}

fn archive(forms: &[FormFigures]) -> Option<usize> {
    let smallest = forms.iter().map(|form| form.file_size).min()?;
    let small = forms.iter().enumerate();
    let small = small.filter(|(_, form)| is_at_most(form.file_size, smallest, SAME_SIZE));
    small.max_by(|(_, a), (_, b)| a.pack_rate.total_cmp(&b.pack_rate)).map(|(number, _)| number)
}

/// Returns whether a size is at most so many percent larger than another.
fn is_at_most(size: u64, other: u64, percent: u64) -> bool {
    u128::from(size) * 100 <= u128::from(other) * u128::from(100 + percent)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Size in kilobytes, megabytes packed a second, microseconds of a `get`.
    fn figures(rows: &[(u64, f64, f64)]) -> Vec<FormFigures> {
        let row = |&(size, pack, get): &(u64, f64, f64)| FormFigures {
            file_size: size * 1000,
            pack_rate: pack * 1e6,
            get_seconds: get * 1e-6,
            scan_rate: 1e9,
        };
        rows.iter().map(row).collect()
    }

    /// The numbers of the chosen forms, in the order of the purposes.
    fn chosen(rows: &[(u64, f64, f64)]) -> [usize; 3] {
        let forms = figures(rows);
        PackPurpose::ALL.map(|purpose| choose(&forms, purpose).unwrap())
    }

    #[test]
    fn the_rules_choose_as_documented() {
        // Small items: 128 a record; plain; slow; 16, 4 and 1 with a dictionary.
        let small = [
            (100, 400.0, 70.0),
            (700, 2000.0, 2.0),
            (80, 10.0, 60.0),
            (105, 200.0, 12.0),
            (130, 180.0, 5.0),
            (149, 150.0, 4.5),
        ];
        // A `get` of the last form is faster, but hardly.
        assert_eq!(chosen(&small), [2, 3, 4]);
        // Items that cannot be compressed: plain records are as small, and faster.
        let noise = [(1000, 400.0, 70.0), (1000, 2000.0, 2.0), (991, 10.0, 60.0)];
        assert_eq!(chosen(&noise), [1, 1, 1]);
        // No other form is small enough.
        assert_eq!(chosen(&[(100, 400.0, 70.0), (151, 400.0, 1.0)]), [0, 0, 0]);
        assert_eq!(chosen(&[(100, 400.0, 70.0), (150, 400.0, 1.0)]), [0, 0, 1]);
        assert_eq!(chosen(&[(100, 400.0, 70.0), (105, 400.0, 1.0)]), [0, 1, 1]);
    }

    #[test]
    fn a_form_that_packs_too_slowly_is_for_archives_only() {
        assert_eq!(chosen(&[(100, 400.0, 70.0), (90, 160.0, 1.0)]), [1, 1, 1]);
        assert_eq!(chosen(&[(100, 400.0, 70.0), (90, 159.0, 1.0)]), [1, 0, 1]);
        assert_eq!(chosen(&[(100, 400.0, 70.0), (90, 79.0, 1.0)]), [1, 0, 0]);
    }

    #[test]
    fn an_archive_is_the_fastest_to_pack_of_nearly_equal_sizes() {
        assert_eq!(chosen(&[(1000, 400.0, 1.0), (991, 10.0, 1.0)])[0], 0);
        assert_eq!(chosen(&[(1000, 400.0, 1.0), (990, 10.0, 1.0)])[0], 1);
        assert_eq!(chosen(&[(1000, 400.0, 1.0), (991, 500.0, 1.0)])[0], 1);
    }

    #[test]
    fn odd_figures_choose_the_base_form_and_none_choose_nothing() {
        for purpose in PackPurpose::ALL {
            assert_eq!(choose(&[], purpose), None);
            let nan = FormFigures { pack_rate: f64::NAN, ..figures(&[(1, 1.0, 1.0)])[0] };
            assert_eq!(choose(&[nan], purpose), Some(0));
        }
        assert_eq!(chosen(&[(0, 0.0, 0.0), (0, 0.0, 0.0)])[1..], [0, 0]);
    }
}
