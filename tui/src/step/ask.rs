//! The questions that the stepper asks at the bottom of the screen, and how it handles
//! the answers.

use crossterm::event::KeyEvent;
use sealpack_core::check::{Case, Frame as Step};

use super::effect::StepperEffect;
use super::model::{Stepper, StepperMode, StepperQuestion};
use super::view;
use crate::terminal::prompt::{Prompt, typed_path};

fn export_prompt(name: String) -> Prompt {
    Prompt::new("report to", "Enter writes the report, Esc cancels", name)
}

impl Stepper {
    pub(super) fn ask_where_to_export(&mut self) {
        match self.report_name() {
            None => self.inform("this case breaks nothing: there is nothing to report"),
            Some(name) => self.dialog.ask(StepperQuestion::Export, export_prompt(name)),
        }
    }

    /// The report was not written: opens the question again with the text that was typed.
    pub(super) fn ask_again_where_to_export(&mut self, typed: String, why: String) {
        if self.dialog.is_open() || self.report_name().is_none() {
            return self.fail(why);
        }
        self.dialog.ask(StepperQuestion::Export, export_prompt(typed).refused(why));
    }

    /// Returns the file name for a report about the failure on the screen.
    pub(super) fn report_name(&self) -> Option<String> {
        let stream = self.setup.mutant().map_or("stream", |mutant| mutant.name);
        if self.setup.trace.is_some() && self.broken().is_none() {
            return Some("trace.md".into());
        }
        Some(format!("{stream}-{}.md", self.broken()?.name()))
    }

    pub(super) fn ask(&mut self, question: StepperQuestion) {
        let prompt = match question {
            StepperQuestion::EditText => {
                let text = self.setup.case.to_string();
                let events = text.split_once("writes=").map_or("", |(_, events)| events);
                Prompt::new("case", "b4 copied · z2+3 handed over · f flush · b7!1 fails", events)
            }
            StepperQuestion::Search | StepperQuestion::Export => {
                Prompt::new("search", "in decisions and findings, or in the list", "")
            }
        };
        self.dialog.ask(question, prompt);
    }

    pub(super) fn key_for_dialog(&mut self, key: &KeyEvent) -> Option<StepperEffect> {
        let (question, answer) = self.dialog.key(key)?;
        let answered = self.answered(question, &answer);
        self.dialog.settle(answered)?
    }

    fn answered(
        &mut self,
        question: StepperQuestion,
        answer: &str,
    ) -> Result<Option<StepperEffect>, String> {
        match question {
            StepperQuestion::EditText => {
                let events = Case::parse_events(answer.trim()).map_err(|e| e.to_string())?;
                let case = Case { trim: self.setup.case.trim, events };
                self.remember();
                self.setup.case = case;
                self.setup.trace = None;
                self.edited(self.at);
                Ok(None)
            }
            StepperQuestion::Search => {
                self.needle = Some(answer.to_lowercase()).filter(|needle| !needle.is_empty());
                self.search_again(true);
                Ok(None)
            }
            StepperQuestion::Export => {
                let invariant = self.broken();
                let setup = Box::new(self.setup.clone());
                let path = typed_path(answer)?;
                Ok(Some(StepperEffect::Export { typed: answer.into(), path, setup, invariant }))
            }
        }
    }

    pub(super) fn search_again(&mut self, forward: bool) {
        let Some(needle) = self.needle.clone() else {
            return self.inform("no search yet: / starts one");
        };
        if self.mode() == StepperMode::Step {
            let hit = |step: &Step| view::words(step).to_lowercase().contains(&needle);
            return self.seek(forward, &format!("“{needle}”"), hit);
        }
        let (rows, at) = (self.list.len(), self.list.at);
        let row = |distance| match forward {
            true => (at + distance) % rows,
            false => (at + rows - distance) % rows,
        };
        let is_hit = |row: &u64| view::row_text(self, *row).to_lowercase().contains(&needle);
        let hit = (1..=rows).map(row).find(is_hit);
        match hit {
            Some(row) => self.list.go(row),
            None => self.inform(format!("“{needle}” is not in the list")),
        }
    }
}
