//! The form of a new pack: as the options say, or as it was chosen for a purpose.

use super::super::dictionary_args::DictionaryCodec;
use super::super::plan;
use super::super::write_args::PackCodecArg;
use super::PackArgs;
use crate::items::read::InputFraming;
use crate::items::sample::{self, ItemSource};
use crate::items::walk::FoundInputs;
use crate::outcome::Failure;

/// What determines the size of the pack, and how fast it is read.
pub(super) struct NewPackForm {
    pub(super) items_per_record: u32,
    /// The codec; `None` if records are stored unencoded.
    pub(super) codec: Option<DictionaryCodec>,
    /// The options that --for chose.
    pub(super) chosen: Option<Vec<String>>,
}

impl NewPackForm {
    pub(super) fn codec_name(&self) -> &'static str {
        match self.codec {
            Some(_) => PackCodecArg::Zstd.name(),
            None => PackCodecArg::None.name(),
        }
    }

    /// Trains the dictionary, if one is to be trained, with items from all parts of the
    /// inputs. Inputs that can be read only once train it with their first items.
    pub(super) fn learn(&self, args: &PackArgs, found: &FoundInputs) -> Result<(), Failure> {
        let Some(codec) = self.codec.as_ref().filter(|codec| codec.learns()) else {
            return Ok(());
        };
        let (source, inputs) = (args.source(), &found.inputs);
        if source != ItemSource::Split(InputFraming::Whole) && !sample::are_files(inputs) {
            return Ok(());
        }
        let sampled = plan::take_sample(inputs, source, found.bytes, args.json)?;
        codec.learn_from(&sampled, self.items_per_record)
    }
}
