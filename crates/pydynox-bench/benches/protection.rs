//! What protection costs: a text of 1 KB put into a body and read out of an answer, plain, compressed, encrypted; the data key is at hand.

use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use criterion::{Criterion, criterion_group, criterion_main};
use pydynox_core::codec::compression::Compression;
use pydynox_core::codec::{
    DataKey, DataKeys, ItemKey, KeyLimits, LocalKeyring, Marks, OnPlaintext, Place,
    ProtectedAttribute, ProtectedSchema, SealedValues, Share, Target,
};
use pydynox_core::error::Error;
use pydynox_core::schema::{KeyAttribute, KeyType};
use pydynox_core::wire::{Tag, Writer};

/// Nothing here waits: keys are local.
fn now<T>(future: impl Future<Output = Result<T, Error>>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done.ok(),
        Poll::Pending => None,
    }
}

fn text() -> String {
    let words = ["visited ", "the page ", "and left ", "again "];
    let mut text = String::new();
    let mut index = 7_usize;
    while text.len() < 1024 {
        text.push_str(words[index % 4]);
        text.push_str(&(index % 997).to_string());
        index = index.wrapping_mul(31) % 65_537;
    }
    text.truncate(1024);
    text
}

fn schema(
    compression: Option<Compression>,
    encryption: Option<OnPlaintext>,
) -> Result<Arc<ProtectedSchema>, Error> {
    let key = KeyAttribute {
        attribute_name: "id".into(),
        key_type: KeyType::S,
    };
    let attribute = ProtectedAttribute {
        attribute_name: "note".into(),
        types: [Tag::S].into(),
        compression,
        encryption,
    };
    ProtectedSchema::new("User", "users", key, None, [attribute]).map(Arc::new)
}

const BEFORE: &[u8] = br#"{"Item":{"id":{"S":"u1"},"note":"#;

fn plain(text: &str) -> Vec<u8> {
    let mut body = Writer::with_capacity(1200);
    body.raw(BEFORE);
    body.string_value(text);
    body.raw(b"}}");
    body.into_bytes()
}

fn write(schema: &Arc<ProtectedSchema>, keys: &DataKeys, text: &str) -> Option<Vec<u8>> {
    let mut body = Writer::with_capacity(1200);
    let mut marks = Marks::default();
    body.raw(BEFORE);
    let item = marks.item(schema.clone());
    marks.set_key(item, ItemKey::new(schema, br#"{"S":"u1"}"#, None).ok()?);
    let mut value = Writer::with_capacity(1100);
    value.string_value(text);
    marks.push(body.len(), item, 0, value.as_bytes());
    body.raw(b"}}");
    now(marks.fill(body.into_bytes(), Some(keys), 0))
}

fn read(schema: &Arc<ProtectedSchema>, keys: &DataKeys, body: &[u8]) -> Option<usize> {
    let target = Target {
        schema: Some(schema.clone()),
        ..Target::default()
    };
    let sealed =
        SealedValues::look(body, Place::One("Item"), |_, _, _| Some(target.clone())).ok()?;
    let opened = now(sealed.open(body, Some(keys), 0, Share::all(1 << 26)))?;
    opened.in_place(body).ok().map(|body| body.len())
}

fn protection(c: &mut Criterion) {
    let text = text();
    let local = LocalKeyring::new([("k1", DataKey::new(&mut [7; 32]))]);
    let keys = local.and_then(|local| DataKeys::new(Arc::new(local), [], KeyLimits::default(), 0));
    let Ok(keys) = keys else { return };
    c.bench_function("1 KB/write plain", |b| b.iter(|| plain(black_box(&text))));
    for (name, compression, encryption) in [
        ("compressed", Some(Compression::default()), None),
        ("encrypted", None, Some(OnPlaintext::Error)),
        (
            "both",
            Some(Compression::default()),
            Some(OnPlaintext::Error),
        ),
    ] {
        let Ok(schema) = schema(compression, encryption) else {
            return;
        };
        let Some(body) = write(&schema, &keys, &text) else {
            return;
        };
        c.bench_function(&format!("1 KB/write {name}"), |b| {
            b.iter(|| write(&schema, &keys, black_box(&text)));
        });
        c.bench_function(&format!("1 KB/read {name}"), |b| {
            b.iter(|| read(&schema, &keys, black_box(&body)));
        });
    }
}

criterion_group!(benches, protection);
criterion_main!(benches);
