//! Questions at the bottom of the screen: one line of text, edited like a shell's command
//! line.

use std::path::PathBuf;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::text::{Line, Span};

use super::palette::Palette;
use super::text::{cut, cut_front, harmless, sanitised, width};

/// A question with the answer typed so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    label: &'static str,
    hint: &'static str,
    /// The answer before the cursor, and from the cursor on.
    before: String,
    after: String,
    refusal: Option<String>,
}

/// The result of a key in a prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
enum PromptAnswer {
    /// The user is still typing the answer.
    Typing,
    /// The user cancelled the question.
    Cancelled,
    /// The user confirmed this answer.
    Answered(String),
}

impl Prompt {
    /// Creates a question; `hint` says which answers are understood.
    #[must_use]
    pub fn new(label: &'static str, hint: &'static str, answer: impl Into<String>) -> Self {
        Self { label, hint, before: answer.into(), after: String::new(), refusal: None }
    }

    /// Adds the reason why the answer was refused.
    #[must_use]
    pub fn refused(mut self, why: impl Into<String>) -> Self {
        self.refusal = Some(why.into());
        self
    }

    /// Handles a key.
    fn key(&mut self, key: &KeyEvent) -> PromptAnswer {
        match key.code {
            KeyCode::Esc => return PromptAnswer::Cancelled,
            KeyCode::Enter => return PromptAnswer::Answered(self.answer()),
            // A character with Alt is not typed text.
            KeyCode::Char(_) if key.modifiers.contains(KeyModifiers::ALT) => {
                return PromptAnswer::Typing;
            }
            KeyCode::Char('c') if is_control(key) => return PromptAnswer::Cancelled,
            KeyCode::Char(char) if is_control(key) => return self.control(char),
            KeyCode::Char(char) => self.before.push(char),
            KeyCode::Backspace => drop(self.before.pop()),
            KeyCode::Delete => drop(self.take_after()),
            KeyCode::Left => self.left(),
            KeyCode::Right => self.right(),
            KeyCode::Home => self.home(),
            KeyCode::End => self.end(),
            _ => return PromptAnswer::Typing,
        }
        self.refusal = None;
        PromptAnswer::Typing
    }

    fn control(&mut self, char: char) -> PromptAnswer {
        match char {
            'a' => self.home(),
            'e' => self.end(),
            'b' => self.left(),
            'f' => self.right(),
            'd' => drop(self.take_after()),
            'k' => self.after.clear(),
            'u' => self.before.clear(),
            'w' => self.delete_word(),
            _ => return PromptAnswer::Typing,
        }
        self.refusal = None;
        PromptAnswer::Typing
    }

    fn answer(&self) -> String {
        format!("{}{}", self.before, self.after)
    }

    fn set_answer(&mut self, answer: &str) {
        self.before = answer.to_string();
        self.after.clear();
        self.refusal = None;
    }

    fn take_after(&mut self) -> Option<char> {
        (!self.after.is_empty()).then(|| self.after.remove(0))
    }

    fn left(&mut self) {
        if let Some(char) = self.before.pop() {
            self.after.insert(0, char);
        }
    }

    fn right(&mut self) {
        let char = self.take_after();
        self.before.extend(char);
    }

    fn home(&mut self) {
        self.before.push_str(&self.after);
        self.after = std::mem::take(&mut self.before);
    }

    fn end(&mut self) {
        self.before.push_str(&std::mem::take(&mut self.after));
    }

    /// Inserts the first line of pasted text.
    fn paste(&mut self, text: &str) {
        self.before.push_str(text.lines().next().unwrap_or_default());
        self.refusal = None;
    }

    fn delete_word(&mut self) {
        let kept = self.before.trim_end();
        let end = kept.rfind([' ', ',', '/']).map_or(0, |at| at + 1);
        // A separator at the end is part of the word before it.
        let end = if end == kept.len() {
            let word = kept.trim_end_matches([' ', ',', '/']);
            word.rfind([' ', ',', '/']).map_or(0, |at| at + 1)
        } else {
            end
        };
        self.before.truncate(end);
    }

    /// Draws the prompt on one line of at most `columns` columns: the question, the
    /// answer with its cursor, and the hint or the reason why the answer was refused. An
    /// answer that is too long is shown around its cursor.
    #[must_use]
    pub fn line(&self, palette: Palette, columns: u16) -> Line<'static> {
        let columns = usize::from(columns);
        let label = cut(self.label, columns / 2);
        let room = columns.saturating_sub(width(&label) + 1);
        let before = sanitised(&self.before);
        let mut after = self.after.chars().map(harmless);
        let at = after.next().unwrap_or(' ');
        let after: String = after.collect();
        let at_width = width(at.encode_utf8(&mut [0; 4])).max(1);
        let needed = width(&before) + at_width + width(&after);
        // A refusal must be visible; a hint may be cut.
        let (note, style, reserved) = match &self.refusal {
            Some(refusal) => {
                let note = format!("  ✗ {refusal}");
                let reserved = width(&note).min(room / 2);
                (note, palette.bad(), reserved)
            }
            None => (format!("  {}", self.hint), palette.faint(), 0),
        };
        let answer_room = room.saturating_sub(reserved).saturating_sub(at_width);
        let least_after = width(&after).min(answer_room / 3);
        let shown_before = cut_front(&before, answer_room.saturating_sub(least_after));
        let shown_after = cut(&after, answer_room.saturating_sub(width(&shown_before)));
        let left = room.saturating_sub(needed.min(room.saturating_sub(reserved)));
        let note = if left > 8 || reserved > 0 { cut(&note, left) } else { String::new() };
        Line::from(vec![
            Span::styled(format!("{label} "), palette.strong()),
            Span::raw(shown_before),
            Span::styled(at.to_string(), palette.selected()),
            Span::raw(shown_after),
            Span::styled(note, style),
        ])
    }
}

fn is_control(key: &KeyEvent) -> bool {
    key.modifiers.contains(KeyModifiers::CONTROL)
}

/// The question that is open at the bottom of the screen, if any, and the previous
/// answers.
#[derive(Clone, Debug)]
pub struct Dialog<Q> {
    open: Option<OpenDialog<Q>>,
    /// The previous answers, oldest first.
    history: Vec<(Q, String)>,
}

#[derive(Clone, Debug)]
struct OpenDialog<Q> {
    question: Q,
    prompt: Prompt,
    /// How many answers back in the history the prompt is; 0 is the answer being typed.
    back: usize,
    /// The answer that was being typed when the user entered the history.
    draft: String,
}

/// The maximum number of answers kept, for all questions together.
const MAX_HISTORY: usize = 200;

impl<Q> Default for Dialog<Q> {
    fn default() -> Self {
        Self { open: None, history: Vec::new() }
    }
}

impl<Q: Copy + PartialEq> Dialog<Q> {
    /// Opens a question.
    pub fn ask(&mut self, question: Q, prompt: Prompt) {
        self.open = Some(OpenDialog { question, prompt, back: 0, draft: String::new() });
    }

    /// Returns whether a question is open: it then receives the keys.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Returns the prompt of the open question.
    #[must_use]
    pub fn prompt(&self) -> Option<&Prompt> {
        self.open.as_ref().map(|open| &open.prompt)
    }

    /// Handles a key. Returns the question and its answer when Enter was pressed; the
    /// question stays open until the answer is [settled](Self::settle).
    pub fn key(&mut self, key: &KeyEvent) -> Option<(Q, String)> {
        let open = self.open.as_mut()?;
        match (key.code, is_control(key)) {
            (KeyCode::Up, _) | (KeyCode::Char('p'), true) => self.recall(true),
            (KeyCode::Down, _) | (KeyCode::Char('n'), true) => self.recall(false),
            _ => match open.prompt.key(key) {
                PromptAnswer::Typing => open.back = 0,
                PromptAnswer::Cancelled => self.open = None,
                PromptAnswer::Answered(answer) => return Some((open.question, answer)),
            },
        }
        None
    }

    /// Puts an older answer of the history into the prompt, or a newer one.
    fn recall(&mut self, older: bool) {
        let Some(open) = &mut self.open else { return };
        let given = self.history.iter().rev();
        let given: Vec<&String> = given
            .filter(|(question, _)| *question == open.question)
            .map(|(_, answer)| answer)
            .collect();
        if open.back == 0 {
            open.draft = open.prompt.answer();
        }
        let back = match older {
            true => open.back.saturating_add(1).min(given.len()),
            false => open.back.saturating_sub(1),
        };
        if back != open.back {
            open.back = back;
            let recalled = back.checked_sub(1).and_then(|nth| given.get(nth).copied());
            let answer = recalled.unwrap_or(&open.draft).clone();
            open.prompt.set_answer(&answer);
        }
    }

    /// Closes the question and remembers its answer, or shows why the answer was refused and
    /// leaves the question open.
    pub fn settle<T>(&mut self, answered: Result<T, String>) -> Option<T> {
        match answered {
            Ok(taken) => {
                let open = self.open.take()?;
                let given = (open.question, open.prompt.answer());
                self.history.retain(|before| *before != given);
                self.history.push(given);
                if self.history.len() > MAX_HISTORY {
                    self.history.remove(0);
                }
                Some(taken)
            }
            Err(refusal) => {
                if let Some(open) = &mut self.open {
                    open.prompt.refusal = Some(refusal);
                }
                None
            }
        }
    }

    /// Inserts pasted text if a question is open.
    pub fn paste(&mut self, text: &str) {
        if let Some(open) = &mut self.open {
            open.back = 0;
            open.prompt.paste(text);
        }
    }
}

/// Returns the path of a file to write, from the text typed; `~/` is the home folder.
///
/// # Errors
/// A sentence about what is missing.
pub fn typed_path(text: &str) -> Result<PathBuf, String> {
    if text.trim().is_empty() {
        return Err("type the name of a file".into());
    }
    let Some(rest) = text.strip_prefix('~') else { return Ok(text.into()) };
    if !rest.is_empty() && !rest.starts_with('/') {
        return Err("only ~/ is expanded; ./~name is a file of that name".into());
    }
    let home = std::env::home_dir().filter(|home| !home.as_os_str().is_empty());
    let home = home.ok_or("HOME is not set: type the whole path")?;
    Ok(home.join(rest.trim_start_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(dialog: &mut Dialog<u8>, keys: &[KeyCode]) -> Option<(u8, String)> {
        keys.iter().filter_map(|code| dialog.key(&KeyEvent::new(*code, KeyModifiers::NONE))).last()
    }

    fn control(dialog: &mut Dialog<u8>, char: char) {
        let key = KeyEvent::new(KeyCode::Char(char), KeyModifiers::CONTROL);
        assert_eq!(dialog.key(&key), None);
    }

    fn open(answer: &str) -> Dialog<u8> {
        let mut dialog = Dialog::default();
        dialog.ask(1, Prompt::new("go to", "a number", answer));
        dialog
    }

    fn answer(dialog: &mut Dialog<u8>) -> String {
        press(dialog, &[KeyCode::Enter]).unwrap().1
    }

    fn shown(dialog: &Dialog<u8>, columns: u16) -> String {
        dialog.prompt().unwrap().line(Palette::new(false), columns).to_string()
    }

    #[test]
    fn an_answer_can_be_edited_in_its_middle() {
        use KeyCode::{Backspace, Char, Delete, End, Home, Left, Right};
        let mut dialog = open("ab");
        press(&mut dialog, &[Left, Char('x'), Home, Delete, Char('ü'), Right, End, Backspace]);
        assert_eq!(answer(&mut dialog), "üx");
        press(&mut dialog, &[KeyCode::Esc]);
        assert!(!dialog.is_open());
    }

    #[test]
    fn control_keys_edit_as_in_a_shell() {
        for (keys, wanted) in [
            ("k", "one two/three,"),
            ("ak", ""),
            ("u", ""),
            ("w", "one two/"),
            ("ww", "one "),
            ("www", ""),
            ("ad", "ne two/three,"),
            ("abffd", "on two/three,"),
            ("aeu", ""),
        ] {
            let mut dialog = open("one two/three,");
            keys.chars().for_each(|key| control(&mut dialog, key));
            assert_eq!(answer(&mut dialog), wanted, "{keys}");
        }
    }

    #[test]
    fn up_recalls_earlier_answers() {
        let mut dialog = Dialog::default();
        for (question, text) in [(1, "first"), (2, "other"), (1, "second"), (1, "first")] {
            dialog.ask(question, Prompt::new("", "", text));
            assert_eq!(dialog.settle(Ok(())), Some(()));
        }
        dialog.ask(1, Prompt::new("", "", "draft"));
        let mut seen = Vec::new();
        for key in [KeyCode::Up, KeyCode::Up, KeyCode::Up, KeyCode::Down, KeyCode::Down] {
            press(&mut dialog, &[key]);
            seen.push(answer(&mut dialog));
        }
        assert_eq!(seen, ["first", "second", "second", "first", "draft"]);
    }

    #[test]
    fn the_reason_of_a_refusal_is_shown_until_the_answer_changes() {
        let mut dialog = open("x");
        assert_eq!(dialog.settle::<()>(Err("no number".into())), None);
        assert!(shown(&dialog, 60).contains("✗ no number"));
        press(&mut dialog, &[KeyCode::Backspace]);
        assert!(shown(&dialog, 60).contains("a number"));
    }

    #[test]
    fn a_long_answer_scrolls_with_its_cursor() {
        let text: String = ('a'..='z').cycle().take(200).collect();
        let mut dialog = open(&text);
        for at in (0..=200).rev() {
            for refusal in [None, Some("it cannot be so, for a reason that takes some words")] {
                dialog.settle::<()>(Err(String::new()));
                let prompt = &mut dialog.open.as_mut().unwrap().prompt;
                prompt.refusal = refusal.map(String::from);
                let line = prompt.line(Palette::new(false), 60);
                assert!(line.width() <= 60, "{}: {line}", line.width());
                let cursor = &line.spans[2].content;
                assert_eq!(**cursor, *text.get(at..=at).unwrap_or(" "));
                assert_eq!(line.to_string().contains("✗ it"), refusal.is_some());
            }
            press(&mut dialog, &[KeyCode::Left]);
        }
        assert!(shown(&dialog, 60).contains('…'));
    }

    #[test]
    fn a_tilde_is_the_home_folder() {
        let home = std::env::home_dir().unwrap();
        assert_eq!(typed_path("~/a b").unwrap(), home.join("a b"));
        assert_eq!(typed_path("~").unwrap(), home);
        assert_eq!(typed_path("a~").unwrap(), PathBuf::from("a~"));
        assert!(typed_path("~you/x").unwrap_err().contains("./~name"));
        assert!(typed_path(" ").is_err());
    }
}
