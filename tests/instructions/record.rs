//! The figures that are kept, and whether a new one is near enough.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// Says that the figures of this run are to be kept.
pub(crate) const RECORD: &str = "TIDINGS_RECORD_COUNTS";

/// How much dearer a figure may be before somebody has to look, in per cent. *Chosen:* two runs of one build differ by less
/// than a thousandth, and a change that a person would notice is above it.
const DEARER_PERCENT: u64 = 5;

/// The same for calls of the cryptography: one more in fifty is seen. *Chosen:* they are counted, not weighed, and each is
/// dear.
const CALLS_PERCENT: u64 = 2;

/// How much cheaper before the record must say so. Below it the run only asks. *Chosen:* so much could become dearer again
/// unseen, and a change that makes one thing cheaper need not touch the record of everything.
const CHEAPER_PERCENT: u64 = 30;

/// The same where the compiler is another than that of the record: it alone moves figures. *Chosen:* below the cost of
/// doing the whole work twice, which must be noticed in any case.
const OTHER_COMPILER_PERCENT: u64 = 30;

/// What is kept.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Record {
    /// The compiler, as it says itself.
    rustc: String,
    /// Instructions of one unit of each work, and its calls of the cryptography.
    counts: toml::Table,
}

/// Records are written one after the other.
static WRITING: Mutex<()> = Mutex::new(());

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/instructions/counts.toml")
}

impl Record {
    /// What the repository has.
    pub(crate) fn read() -> Self {
        let text = std::fs::read_to_string(path()).expect("the record of counts");
        Self::parse(&text).expect("the record of counts is one")
    }

    fn parse(text: &str) -> Option<Self> {
        let table: toml::Table = text.parse().ok()?;
        let rustc = table.get("rustc")?.as_str()?.to_owned();
        Some(Self { rustc, counts: table.get("counts")?.as_table()?.clone() })
    }

    /// Whether `count` is what `name` cost, near enough; or what to do.
    pub(crate) fn judge(&self, name: &str, count: u64, rustc: &str) -> Result<String, String> {
        let kept = self.counts.get(name).and_then(toml::Value::as_integer);
        let Some(kept) =
            kept.and_then(|kept| u64::try_from(kept).ok()).filter(|kept| *kept > 0 || count == 0)
        else {
            return Err(format!("{name}: {count}, and none on record; {}", how_to_record()));
        };
        let is_same = self.rustc == rustc;
        let dearer = match (is_same, name.ends_with("_calls")) {
            (true, true) => CALLS_PERCENT,
            (true, false) => DEARER_PERCENT,
            (false, _) => OTHER_COMPILER_PERCENT,
        };
        let change = if kept == count { 0.0 } else { (count as f64 / kept as f64 - 1.0) * 100.0 };
        let why = if is_same { String::new() } else { format!(", which is of {}", self.rustc) };
        let said = format!("{name}: {count}, {kept} on record{why} ({change:+.1} %)");
        if count * 100 > kept * (100 + dearer) {
            Err(format!(
                "{said}: more than {dearer} % above. Make it cheaper, or say why not and {}",
                how_to_record()
            ))
        } else if count * 100 < kept * (100 - CHEAPER_PERCENT) {
            Err(format!("{said}: it got much cheaper. So that it stays so, {}", how_to_record()))
        } else if count * 100 < kept * (100 - DEARER_PERCENT) {
            Ok(format!("{said}: it got cheaper. So that it stays so, {}", how_to_record()))
        } else {
            Ok(said)
        }
    }

    /// Keeps figures in the repository.
    pub(crate) fn write(cost: &[(String, u64)], rustc: &str) {
        assert!(std::env::var_os("NEXTEST").is_none(), "{}", how_to_record());
        let _one = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
        let mut record = Self::read();
        for (name, count) in cost {
            let count = i64::try_from(*count).expect("a count");
            record.counts.insert(name.clone(), toml::Value::Integer(count));
        }
        rustc.clone_into(&mut record.rustc);
        std::fs::write(path(), record.text()).expect("the record is written");
    }

    fn text(&self) -> String {
        let mut lines = vec![
            "# Instructions of one of each, and its calls of the cryptography, as the dev profile builds them: tests/instructions says what is counted.".to_owned(),
            format!("# To write this file anew: {RECORD}=1 cargo test -p tidings --test instructions"),
            format!("rustc = {}", toml::Value::String(self.rustc.clone())),
            String::new(),
            "[counts]".to_owned(),
        ];
        lines.extend(self.counts.iter().map(|(name, count)| format!("{name} = {count}")));
        lines.push(String::new());
        lines.join("\n")
    }
}

fn how_to_record() -> String {
    format!(
        "record it: {RECORD}=1 cargo test -p tidings --test instructions (with the dev profile as it stands)"
    )
}

#[test]
fn a_figure_is_judged_at_its_bounds() {
    let record = Record::parse("rustc = \"1\"\n[counts]\nseal = 1000\nseal_calls = 50\n").expect("a record");
    let judged = |count, rustc| record.judge("seal", count, rustc).is_ok();
    assert!(judged(1_000, "1") && judged(1_050, "1") && judged(700, "1"));
    assert!(!judged(1_051, "1"), "dearer");
    assert!(!judged(699, "1"), "much cheaper, and not on record");
    let said = |count| record.judge("seal", count, "1").unwrap_or_default();
    assert!(!said(950).contains("record it") && said(949).contains("record it"), "cheaper: {}", said(949));
    assert!(judged(1_300, "2") && judged(700, "2"), "another compiler");
    assert!(!judged(1_301, "2") && !judged(699, "2") && !judged(2_000, "2"));
    assert!(
        record.judge("seal_calls", 51, "1").is_ok() && record.judge("seal_calls", 52, "1").is_err(),
        "one more in fifty"
    );
    assert!(record.judge("open", 1, "1").is_err(), "nothing on record");
    assert_eq!(Record::parse(&record.text()), Some(record));
}
