//! One line of text, asked for at the bottom of the screen.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::text::{Line, Span};

use super::palette::Palette;
use super::text::sanitised;

/// A question with the answer so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    label: &'static str,
    hint: &'static str,
    before: String,
    behind: String,
    refusal: Option<String>,
}

/// What a key has made of a prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The answer is still being written.
    Still,
    /// It was given up.
    Cancelled,
    /// This is it.
    Answered(String),
}

impl Prompt {
    /// Asks for something; `hint` says what is understood.
    #[must_use]
    pub fn new(label: &'static str, hint: &'static str, answer: impl Into<String>) -> Self {
        Self { label, hint, before: answer.into(), behind: String::new(), refusal: None }
    }

    /// The answer will not do, and why.
    pub fn refuse(&mut self, why: impl Into<String>) {
        self.refusal = Some(why.into());
    }

    /// Takes a key.
    pub fn key(&mut self, key: &KeyEvent) -> Asked {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Esc => return Asked::Cancelled,
            KeyCode::Char('c') if control => return Asked::Cancelled,
            KeyCode::Enter => return Asked::Answered(format!("{}{}", self.before, self.behind)),
            KeyCode::Char('u') if control => self.before.clear(),
            KeyCode::Char('w') if control => self.delete_word(),
            KeyCode::Char(char) if !control => self.before.push(char),
            KeyCode::Backspace => drop(self.before.pop()),
            KeyCode::Delete => {
                if !self.behind.is_empty() {
                    self.behind.remove(0);
                }
            }
            KeyCode::Left => {
                if let Some(char) = self.before.pop() {
                    self.behind.insert(0, char);
                }
            }
            KeyCode::Right => {
                if !self.behind.is_empty() {
                    let char = self.behind.remove(0);
                    self.before.push(char);
                }
            }
            KeyCode::Home => {
                self.before.push_str(&self.behind);
                self.behind = std::mem::take(&mut self.before);
            }
            KeyCode::End => self.before.push_str(&std::mem::take(&mut self.behind)),
            _ => return Asked::Still,
        }
        self.refusal = None;
        Asked::Still
    }

    /// Takes pasted text, its first line.
    pub fn paste(&mut self, text: &str) {
        self.before.push_str(text.lines().next().unwrap_or_default());
        self.refusal = None;
    }

    fn delete_word(&mut self) {
        let kept = self.before.trim_end();
        let end = kept.rfind([' ', ',', '/']).map_or(0, |at| at + 1);
        self.before.truncate(end);
    }

    /// The prompt on one line: the question, the answer with its cursor, and
    /// what is understood, or why the answer will not do.
    #[must_use]
    pub fn line(&self, palette: Palette) -> Line<'static> {
        let (first, rest) = match self.behind.chars().next() {
            Some(first) => (first, self.behind.get(first.len_utf8()..).unwrap_or_default()),
            None => (' ', ""),
        };
        let note = match &self.refusal {
            Some(refusal) => Span::styled(format!("  ✗ {refusal}"), palette.bad()),
            None => Span::styled(format!("  {}", self.hint), palette.faint()),
        };
        Line::from(vec![
            Span::styled(format!("{} ", self.label), palette.strong()),
            Span::raw(sanitised(&self.before)),
            Span::styled(first.to_string(), palette.selected()),
            Span::raw(sanitised(rest)),
            note,
        ])
    }
}

/// The question that is open at the bottom of the screen, if one is.
#[derive(Clone, Debug)]
pub struct Dialog<Q>(Option<(Q, Prompt)>);

impl<Q> Default for Dialog<Q> {
    fn default() -> Self {
        Self(None)
    }
}

impl<Q: Copy> Dialog<Q> {
    /// Opens a question.
    pub fn ask(&mut self, question: Q, prompt: Prompt) {
        self.0 = Some((question, prompt));
    }

    /// Whether a question is open: keys are for it then.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.0.is_some()
    }

    /// The prompt of the open question.
    #[must_use]
    pub fn prompt(&self) -> Option<&Prompt> {
        self.0.as_ref().map(|(_, prompt)| prompt)
    }

    /// Takes a key. Returns the question and its answer when Enter was pressed; the
    /// question stays open until the answer is [settled](Self::settle).
    pub fn key(&mut self, key: &KeyEvent) -> Option<(Q, String)> {
        let (question, prompt) = self.0.as_mut()?;
        match prompt.key(key) {
            Asked::Still => None,
            Asked::Cancelled => {
                self.0 = None;
                None
            }
            Asked::Answered(answer) => Some((*question, answer)),
        }
    }

    /// Closes the question, or shows why its answer was refused and leaves it open.
    pub fn settle<T>(&mut self, answered: Result<T, String>) -> Option<T> {
        match answered {
            Ok(taken) => {
                self.0 = None;
                Some(taken)
            }
            Err(refusal) => {
                if let Some((_, prompt)) = &mut self.0 {
                    prompt.refuse(refusal);
                }
                None
            }
        }
    }

    /// Takes pasted text, where a question is open.
    pub fn paste(&mut self, text: &str) {
        if let Some((_, prompt)) = &mut self.0 {
            prompt.paste(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(prompt: &mut Prompt, keys: &[KeyCode]) -> Asked {
        let mut asked = Asked::Still;
        for code in keys {
            asked = prompt.key(&KeyEvent::new(*code, KeyModifiers::NONE));
        }
        asked
    }

    #[test]
    fn an_answer_can_be_mended_in_its_middle() {
        use KeyCode::{Backspace, Char, Delete, End, Enter, Home, Left, Right};
        let mut prompt = Prompt::new("go to", "", "ab");
        let keys = [Left, Char('x'), Home, Delete, Char('ü'), Right, End, Backspace, Enter];
        assert_eq!(typed(&mut prompt, &keys), Asked::Answered("üx".into()));
        assert_eq!(typed(&mut prompt, &[KeyCode::Esc]), Asked::Cancelled);
    }

    #[test]
    fn a_refusal_stands_until_the_answer_changes() {
        let mut prompt = Prompt::new("go to", "a number", "x");
        prompt.refuse("no number");
        assert!(prompt.line(Palette::new(false)).to_string().contains("✗ no number"));
        typed(&mut prompt, &[KeyCode::Backspace]);
        assert!(prompt.line(Palette::new(false)).to_string().contains("a number"));
    }
}
