//! The prompt: statements that end with a semicolon, and commands that begin with a
//! backslash.

use std::path::PathBuf;

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Config, Editor, Helper};

use crate::failure::Failure;
use crate::location::quote;
use crate::output::Output;
use crate::query::{Session, Summary};
use crate::script;

const HELP: &str = "\
Statements end with a semicolon and may have several lines. Ctrl-C cancels one.
  \\d           list the tables
  \\d TABLE     list the columns of a table
  \\timing      print how long each statement takes, or no longer
  \\q           quit (also Ctrl-D)
  \\?           this text
Table functions: pack_info('…'), pack_verify('…'), pack_records('…'), pack_damage('…').";

/// A command of the prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
enum MetaCommand {
    Tables,
    Columns(String),
    Timing,
    Quit,
    Help,
    Unknown(String),
}

impl MetaCommand {
    /// Parses a line that begins with a backslash.
    fn parse(line: &str) -> Option<Self> {
        let line = line.trim().trim_end_matches(';');
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let command = word.strip_prefix('\\')?;
        Some(match (command, rest.trim()) {
            ("d" | "dt", "") => Self::Tables,
            ("d", table) => Self::Columns(table.to_string()),
            ("timing", "") => Self::Timing,
            ("q" | "quit", "") => Self::Quit,
            ("?" | "h" | "help", "") => Self::Help,
            _ => Self::Unknown(line.to_string()),
        })
    }

    /// The query that answers the command, if it is one about tables.
    fn query(&self) -> Option<String> {
        match self {
            Self::Tables => Some(
                "SELECT table_name AS \"table\", table_type AS kind FROM information_schema.tables \
                 WHERE table_schema <> 'information_schema' ORDER BY table_name"
                    .to_string(),
            ),
            Self::Columns(table) => Some(format!(
                "SELECT column_name AS \"column\", data_type AS type, is_nullable AS \"null\" \
                 FROM information_schema.columns WHERE table_name = {}",
                quote(table.trim_matches('"'))
            )),
            _ => None,
        }
    }
}

/// Asks for more lines until a statement is whole.
struct StatementValidator;

impl Validator for StatementValidator {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let input = context.input();
        let complete = input.trim_start().starts_with('\\') || script::is_complete(input);
        Ok(if complete { ValidationResult::Valid(None) } else { ValidationResult::Incomplete })
    }
}

impl Completer for StatementValidator {
    type Candidate = String;
}
impl Hinter for StatementValidator {
    type Hint = String;
}
impl Highlighter for StatementValidator {}
impl Helper for StatementValidator {}

/// The prompt and its history.
struct Prompt {
    editor: Editor<StatementValidator, FileHistory>,
    history: Option<PathBuf>,
}

impl Prompt {
    fn new() -> Result<Self, Failure> {
        let failed = |error: ReadlineError| Failure::Terminal(error.to_string());
        let config = Config::builder().max_history_size(10_000).map_err(failed)?.build();
        let mut editor = Editor::with_config(config).map_err(failed)?;
        editor.set_helper(Some(StatementValidator));
        let history = history_file();
        if let Some(path) = &history {
            // The first session has none.
            drop(editor.load_history(path));
        }
        Ok(Self { editor, history })
    }

    /// Reads a statement or a command; none at the end of the input.
    fn read(&mut self) -> Result<Option<String>, Failure> {
        loop {
            return match self.editor.readline("sealpack> ") {
                Ok(text) if text.trim().is_empty() => continue,
                Ok(text) => {
                    drop(self.editor.add_history_entry(text.as_str()));
                    Ok(Some(text))
                }
                // Ctrl-C drops the line.
                Err(ReadlineError::Interrupted) => continue,
                Err(ReadlineError::Eof) => Ok(None),
                Err(error) => Err(Failure::Terminal(error.to_string())),
            };
        }
    }

    /// Keeps the history for the next session. Nothing depends on it, so a failure is no error.
    fn keep_history(&mut self) {
        let Some(path) = &self.history else { return };
        if let Some(folder) = path.parent() {
            drop(std::fs::create_dir_all(folder));
        }
        drop(self.editor.save_history(path));
    }
}

/// The file of the history, below the folder that the XDG specification names for it.
fn history_file() -> Option<PathBuf> {
    let folder =
        |name| std::env::var_os(name).filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let state = folder("XDG_STATE_HOME").or_else(|| Some(folder("HOME")?.join(".local/state")))?;
    Some(state.join("sealpack").join("sql_history"))
}

/// Reads and carries out statements until the user quits.
pub fn run(session: &Session<'_>, output: &mut Output) -> Result<(), Failure> {
    let mut prompt = Prompt::new()?;
    let mut timing = false;
    eprintln!("sealpack-sql {}; \\? for help, \\q to quit", env!("CARGO_PKG_VERSION"));
    let ended = loop {
        let text = match prompt.read() {
            Ok(Some(text)) => text,
            Ok(None) => break Ok(()),
            Err(failure) => break Err(failure),
        };
        let command = MetaCommand::parse(&text);
        let text = match command.as_ref().map(|command| (command, command.query())) {
            None => text,
            Some((_, Some(query))) => query,
            Some((MetaCommand::Quit, _)) => break Ok(()),
            Some((MetaCommand::Timing, _)) => {
                timing = !timing;
                eprintln!("timing is {}", if timing { "on" } else { "off" });
                continue;
            }
            Some((MetaCommand::Unknown(line), _)) => {
                eprintln!("no command {line}; \\? lists them");
                continue;
            }
            Some(_) => {
                eprintln!("{HELP}");
                continue;
            }
        };
        let carried_out = carry_out(session, &text, output, timing);
        if let Err(failure) = carried_out {
            if matches!(failure, Failure::Output(_)) {
                break Err(failure);
            }
            output.abandon();
            eprintln!("{failure}");
        }
    };
    prompt.keep_history();
    ended
}

fn carry_out(
    session: &Session<'_>,
    text: &str,
    output: &mut Output,
    timing: bool,
) -> Result<(), Failure> {
    for statement in script::statements(text)? {
        let Summary { rows, time } = session.carry_out(statement, output)?;
        if let Some(rows) = rows.filter(|_| output.is_table()) {
            eprintln!("({rows} {})", if rows == 1 { "row" } else { "rows" });
        }
        if timing {
            eprintln!("{:.3} s", time.as_secs_f64());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_begin_with_a_backslash() {
        assert_eq!(MetaCommand::parse("SELECT 1;"), None);
        assert_eq!(MetaCommand::parse("\\q"), Some(MetaCommand::Quit));
        assert_eq!(MetaCommand::parse(" \\d "), Some(MetaCommand::Tables));
        assert_eq!(MetaCommand::parse("\\d packs;"), Some(MetaCommand::Columns("packs".into())));
        assert_eq!(MetaCommand::parse("\\timing"), Some(MetaCommand::Timing));
        let unknown = MetaCommand::parse("\\x y");
        assert_eq!(unknown, Some(MetaCommand::Unknown("\\x y".into())));
    }

    #[test]
    fn the_name_of_a_table_is_a_literal_in_the_query() {
        let query = MetaCommand::Columns("it's".to_string()).query().unwrap();
        assert!(query.ends_with("'it''s'"), "{query}");
    }
}
