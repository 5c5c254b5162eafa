//! The extensions in the app data of whole packs.

use sealpack::core::Error as PackError;
use sealpack::core::error::{Fault, Section};
use sealpack::core::format::extensions::{AppDataParts, ExtensionKind, MAGIC};
use sealpack::core::read::LayerName;
use sealpack::{Bytes, Plain, Reader, Writer};

/// A pack of three items with this app data, as it is, without a wrapping envelope.
fn pack_with(app_data: &[u8]) -> Reader {
    use sealpack::core::write::{Assembly, PackShape, RecordBuilder, Sealer};
    let shape = PackShape::default();
    let mut builder = RecordBuilder::new(&shape, true);
    for item in ["one", "two", "three"] {
        builder.push(item.as_bytes()).unwrap();
    }
    builder.finish();
    let sealed = Sealer::plain(&shape).seal(builder.next_draft().unwrap()).unwrap();
    let mut assembly = Assembly::new(&shape);
    assembly.push(&sealed).unwrap();
    let ending = assembly.finish(app_data).unwrap();
    let file =
        [&sealed.extents.concat(), &ending.index, app_data, &ending.trailer.encode()[..]].concat();
    Reader::options().open_source(file, "memory").unwrap()
}

/// An envelope of these sections.
fn envelope(sections: &[(u32, &[u8])]) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    for (kind, content) in sections {
        bytes.extend_from_slice(&kind.to_le_bytes());
        bytes.extend_from_slice(&u32::try_from(content.len()).unwrap().to_le_bytes());
        bytes.extend_from_slice(content);
    }
    bytes
}

fn fault(error: &sealpack::Error) -> String {
    let (section, fault) = error.corruption().expect("a damaged pack");
    format!("{section}: {fault}")
}

#[test]
fn app_data_that_begins_like_an_envelope_is_kept_by_every_writer() {
    let nested = envelope(&[(1, b"inner"), (7, b"unknown")]);
    for app_data in [&MAGIC[..], b"SLPKEXT1 and more", &nested, b"plain", b""] {
        let options = || Writer::options().app_data(Bytes::copy_from_slice(app_data));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.pack");
        let mut writer = options().create(&path).unwrap();
        writer.append(b"item").unwrap();
        writer.finish().unwrap();
        let mut stream = options().write_to(Vec::new()).unwrap();
        stream.append(b"item").unwrap();
        let stream = stream.finish().unwrap().sink;
        assert_eq!(std::fs::read(&path).unwrap(), stream);
        let reader = Reader::open(&path).unwrap();
        assert_eq!(reader.app_data(), app_data);
        assert_eq!(reader.get(0).unwrap(), b"item"[..]);
        // Only data that begins like an envelope is wrapped.
        let is_wrapped = reader.extensions().raw() != app_data;
        assert_eq!(is_wrapped, app_data.starts_with(&MAGIC));
    }
}

#[test]
fn the_root_of_a_digest_list_covers_the_extensions() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.pack");
    let mut writer = Writer::options().digest_list(true).app_data("mine").create(&path).unwrap();
    writer.append_named(b"a name", b"item").unwrap();
    let root = writer.finish().unwrap().digests.unwrap().root;
    let reader = Reader::open_trusted(&path, sealpack::Trust::root(root)).unwrap();
    assert_eq!(reader.app_data(), &b"mine"[..]);
    assert_eq!(reader.names().unwrap().unwrap().get(0).unwrap(), b"a name"[..]);

    // The same pack with another name is refused, although its app data is the same.
    let list = std::fs::read(sealpack::digest_list_path(&path)).unwrap();
    let forged = folder.path().join("forged.pack");
    std::fs::write(sealpack::digest_list_path(&forged), list).unwrap();
    let mut writer = Writer::options().app_data("mine").create(&forged).unwrap();
    writer.append_named(b"b name", b"item").unwrap();
    writer.finish().unwrap();
    let refused = Reader::open_trusted(&forged, sealpack::Trust::root(root)).unwrap_err();
    assert!(refused.untrusted().is_some(), "{refused}");
}

#[test]
fn an_unknown_extension_keeps_items_unread_unless_bit_31_is_set() {
    let passed = pack_with(&envelope(&[(1, b"mine"), (1 << 31, b"?"), (u32::MAX, b"?")]));
    assert_eq!(passed.app_data(), &b"mine"[..]);
    assert_eq!(passed.get(1).unwrap(), b"two"[..]);
    assert!(passed.verify().unwrap().is_ok());

    let reader = pack_with(&envelope(&[(1, b"mine"), (9, b"?")]));
    assert_eq!(reader.app_data(), &b"mine"[..]);
    assert_eq!(reader.item_count(), 3);
    let expected = "app data: extension 9 is unknown: only a newer version can read the items";
    assert_eq!(fault(&reader.get(1).unwrap_err()), expected);
    assert_eq!(fault(&reader.record(0).unwrap_err()), expected);
    assert_eq!(fault(&reader.get_many(&[0, 2], |_, _| ()).unwrap_err()), expected);
    assert_eq!(fault(&reader.range(0..3).unwrap().next().unwrap().unwrap_err()), expected);
    assert_eq!(fault(&reader.record_digests(0..1).unwrap().next().unwrap().unwrap_err()), expected);
    let folder = tempfile::tempdir().unwrap();
    let mut writer = Writer::options().codec(Plain).create(folder.path().join("copy")).unwrap();
    let copy = sealpack::RecordCopy::new(&reader).unchecked();
    let copied = copy.append_to(&mut writer, |_| std::ops::ControlFlow::<()>::Continue(()));
    assert_eq!(fault(&copied.unwrap_err()), expected);

    // A verification says that nothing was checked, not that the pack is damaged.
    let report = reader.verify().unwrap();
    assert!(!report.is_ok());
    assert_eq!((report.damaged_count, report.unchecked_count), (0, 1));
    assert!(matches!(
        report.verdict(LayerName::Lengths),
        sealpack::core::read::Verdict::NotChecked(PackError::Corrupt {
            section: Section::AppData,
            fault: Fault::Extension { kind: 9 },
        })
    ));
}

#[test]
fn a_large_plain_record_of_a_pack_with_an_unknown_extension_is_not_read_in_part() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.pack");
    let app_data = envelope(&[(1, b"mine"), (9, b"?")]);
    let options = Writer::options().codec(Plain);
    let mut writer = options.app_data(vec![0; app_data.len()]).create(&path).unwrap();
    (0..128).for_each(|_| writer.append(&[7; 10_000]).unwrap());
    let sealed = writer.finish().unwrap();
    let mut file = std::fs::read(&path).unwrap();
    let end = file.len() - 76;
    file[end - app_data.len()..end].copy_from_slice(&app_data);
    let trailer = sealpack::core::format::Trailer {
        app_data_crc: sealpack::core::wire::crc::crc32c(&app_data),
        ..sealed.trailer
    };
    file[end..].copy_from_slice(&trailer.encode());
    let reader = Reader::options().open_source(file, "memory").unwrap();
    let error = reader.get(5).unwrap_err();
    assert!(fault(&error).contains("extension 9"), "{error}");
}

#[test]
fn a_dictionary_that_no_frame_names_is_returned_and_not_looked_at() {
    let parts = AppDataParts {
        caller: "mine".into(),
        dictionary: Some("not used".into()),
        ..AppDataParts::default()
    };
    let reader = pack_with(&parts.encode().unwrap());
    let dictionary = reader.extensions().section(ExtensionKind::DICTIONARY);
    assert_eq!(dictionary.unwrap(), "not used");
    assert_eq!(reader.get(2).unwrap(), b"three"[..]);
}

#[test]
fn broken_envelopes_are_the_callers_own_app_data() {
    let sound = envelope(&[(1, b"mine"), (3, b"names")]);
    let mut four_gibibytes = sound.clone();
    four_gibibytes[12..16].copy_from_slice(&u32::MAX.to_le_bytes());
    let mut overlapping = sound.clone();
    overlapping[12] += 1;
    for broken in [
        &sound[..sound.len() - 1],
        &sound[..11],
        &[&sound[..], b"x"].concat(),
        &envelope(&[(3, b"names"), (1, b"mine")]),
        &envelope(&[(1, b"mine"), (1, b"mine")]),
        &envelope(&[(9, b"unknown"), (1, b"mine")]),
        &four_gibibytes,
        &overlapping,
    ] {
        let reader = pack_with(broken);
        assert_eq!(reader.app_data(), broken);
        assert_eq!(reader.extensions().sections().count(), 0);
        assert!(reader.names().unwrap().is_none());
        assert_eq!(reader.get(2).unwrap(), b"three"[..]);
    }
}
