//! Reads, parses and formats the text of a manifest, which is JSON.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use sealpack_core::error::Cause;
use sealpack_core::format::digest::Hash;
use serde::de::{Error as _, Unexpected};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::identity::PackIdentity;
use super::member::SetMember;
use crate::error::{Error, SetFault};
use crate::source::{ReadAt, Source};

/// The version that this module reads and writes.
const VERSION: u64 = 1;

/// The largest manifest that is read, in bytes.
pub(super) const MAX_SIZE: u64 = 64 << 20;

/// The version alone: another version may have other fields.
#[derive(Deserialize)]
struct VersionJson {
    sealpack_set: u64,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ManifestJson<'a> {
    sealpack_set: u64,
    root: HexHash,
    #[serde(borrow)]
    members: Vec<MemberJson<'a>>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct MemberJson<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    items: u32,
    size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content_hash: Option<HexHash>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    digest_root: Option<HexHash>,
}

/// A hash as 64 hexadecimal digits.
#[derive(Clone, Copy)]
struct HexHash(Hash);

impl Serialize for HexHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let digits: String = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
        serializer.serialize_str(&digits)
    }
}

impl<'de> Deserialize<'de> for HexHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        let wrong = || D::Error::invalid_value(Unexpected::Str(&text), &"64 hexadecimal digits");
        parse_hex(text.as_bytes()).map(Self).ok_or_else(wrong)
    }
}

fn parse_hex(digits: &[u8]) -> Option<Hash> {
    let mut hash = Hash::default();
    if digits.len() != 2 * hash.len() {
        return None;
    }
    for (byte, pair) in hash.iter_mut().zip(digits.chunks(2)) {
        let [high, low] = pair else { return None };
        let digit = |digit: &u8| char::from(*digit).to_digit(16).and_then(|d| u8::try_from(d).ok());
        *byte = digit(high)? << 4 | digit(low)?;
    }
    Some(hash)
}

/// Reads the bytes of a manifest, at most [`MAX_SIZE`]. Errors have `name` in place of the
/// path.
pub(super) fn read(source: Arc<dyn ReadAt>, name: &Path) -> Result<Vec<u8>, Error> {
    let own = Arc::new(name.to_path_buf());
    let failed = |kind| Error::new(&own, kind);
    let source = Source::open(source).map_err(failed)?;
    let (size, limit) = (source.size(), MAX_SIZE);
    if size > limit {
        return Err(Error::of_set(name, SetFault::ManifestSize { size, limit }));
    }
    source.read_into(&(0..size), Vec::new()).map_err(failed)
}

/// Parses a manifest. Returns its members, and the root that it states.
pub(super) fn parse(bytes: &[u8]) -> Result<(Vec<SetMember>, Hash), SetFault> {
    let VersionJson { sealpack_set } = serde_json::from_slice(bytes).map_err(syntax)?;
    if sealpack_set != VERSION {
        return Err(SetFault::Version(sealpack_set));
    }
    let manifest: ManifestJson<'_> = serde_json::from_slice(bytes).map_err(syntax)?;
    let members = manifest.members.into_iter().map(member).collect::<Result<_, _>>()?;
    Ok((members, manifest.root.0))
}

fn member(member: MemberJson<'_>) -> Result<SetMember, SetFault> {
    let MemberJson { name, items, size, content_hash, digest_root } = member;
    let (content_hash, digest_root) = (content_hash.map(|it| it.0), digest_root.map(|it| it.0));
    let identity = PackIdentity { items, size, content_hash, digest_root };
    Ok(SetMember { name: name.parse()?, identity })
}

/// Formats a manifest with one line for each member, so that `diff` shows which members
/// of two manifests differ.
pub(super) fn format(members: &[SetMember], root: &Hash) -> String {
    let member = |member: &SetMember| {
        let PackIdentity { items, size, content_hash, digest_root } = member.identity;
        let (content_hash, digest_root) = (content_hash.map(HexHash), digest_root.map(HexHash));
        let name = Cow::Borrowed(member.name.as_str());
        // Strings and numbers can always be serialized.
        serde_json::to_string(&MemberJson { name, items, size, content_hash, digest_root })
            .unwrap_or_default()
    };
    let members: Vec<String> = members.iter().map(member).collect();
    let open = if members.is_empty() { "" } else { "\n" };
    let members = members.join(",\n");
    let root = serde_json::to_string(&HexHash(*root)).unwrap_or_default();
    format!(
        "{{\n\"sealpack_set\":{VERSION},\n\"root\":{root},\n\"members\":[{open}{members}{open}]\n}}\n"
    )
}

fn syntax(error: serde_json::Error) -> SetFault {
    SetFault::Syntax(Cause::new(error))
}
