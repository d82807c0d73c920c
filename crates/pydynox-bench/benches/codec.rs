//! What the codec costs: an item written and read, a page checked, an item counted, numbers read.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use pydynox_core::number::{Number, f64_is_exact, parse_i64};
use pydynox_core::size::item_size;
use pydynox_core::wire::{Reader, Tag, WireError, Writer, validate};

/// The item of twelve attributes; `black_box` because a text known to the compiler is not scanned at all.
fn write_item(writer: &mut Writer, index: i64) {
    text(writer, r#"{"pk":"#, "USER#00000001");
    text(writer, r#","sk":"#, "PROFILE");
    text(writer, r#","name":"#, "Ada Lovelace 1");
    text(writer, r#","email":"#, "ada1@example.com");
    writer.raw(br#","age":"#);
    writer.integer_value(20 + index % 60);
    writer.raw(br#","score":"#);
    if let Ok(score) = Number::from_f64(black_box(1.25)) {
        writer.number_value(&score);
    }
    writer.raw(br#","active":"#);
    writer.bool_value(true);
    text(writer, r#","tags":{"L":["#, "alpha");
    text(writer, ",", "beta");
    text(writer, ",", "gamma");
    text(
        writer,
        r#"]},"address":{"M":{"street":"#,
        "12 St James Square",
    );
    text(writer, r#","city":"#, "London");
    text(writer, r#","zip":"#, "SW1Y");
    text(
        writer,
        r#"}},"created_at":"#,
        "2026-11-23T03:41:00.000000+0000",
    );
    writer.raw(br#","roles":{"SS":["#);
    writer.string(black_box("admin"));
    writer.byte(b',');
    writer.string(black_box("author"));
    writer.raw(br#"]},"version":"#);
    writer.integer_value(3);
    writer.byte(b'}');
}

fn text(writer: &mut Writer, before: &str, value: &str) {
    writer.raw(before.as_bytes());
    writer.string_value(black_box(value));
}

fn item() -> Vec<u8> {
    let mut writer = Writer::with_capacity(512);
    write_item(&mut writer, 1);
    writer.into_bytes()
}

fn page(items: i64) -> Vec<u8> {
    let mut writer = Writer::with_capacity(64 * 1024);
    writer.raw(br#"{"Items":["#);
    for index in 0..items {
        if index > 0 {
            writer.byte(b',');
        }
        write_item(&mut writer, index);
    }
    writer.raw(br#"],"Count":100,"ScannedCount":100}"#);
    writer.into_bytes()
}

/// Walks an item as the border does and adds up what it saw, so that nothing is left out.
fn read_map(reader: &mut Reader<'_>) -> Result<usize, WireError> {
    let mut seen = 0;
    reader.begin_object()?;
    while let Some(key) = reader.next_key()? {
        seen += key.raw().len() + read_value(reader)?;
    }
    Ok(seen)
}

fn read_value(reader: &mut Reader<'_>) -> Result<usize, WireError> {
    let seen = match reader.begin_value()? {
        Tag::S | Tag::B => reader.string()?.raw().len(),
        Tag::N => {
            parse_i64(reader.string()?.raw()).map_or(0, |value| usize::try_from(value).unwrap_or(1))
        }
        Tag::Bool | Tag::Null => usize::from(reader.boolean()?),
        Tag::M => read_map(reader)?,
        Tag::L => {
            let mut seen = 0;
            reader.begin_array()?;
            while reader.next_element()? {
                seen += read_value(reader)?;
            }
            seen
        }
        Tag::Ss | Tag::Ns | Tag::Bs => {
            let mut seen = 0;
            reader.begin_array()?;
            while reader.next_element()? {
                seen += reader.string()?.raw().len();
            }
            seen
        }
    };
    reader.end_value()?;
    Ok(seen)
}

fn read_page(body: &[u8]) -> Result<usize, WireError> {
    let mut seen = 0;
    let mut reader = Reader::new(body)?;
    reader.begin_object()?;
    while let Some(key) = reader.next_key()? {
        if !key.equals("Items") {
            reader.skip()?;
            continue;
        }
        reader.begin_array()?;
        while reader.next_element()? {
            seen += read_map(&mut reader)?;
        }
    }
    reader.end()?;
    Ok(seen)
}

fn items(c: &mut Criterion) {
    let body = item();
    let mut writer = Writer::with_capacity(1024);
    c.bench_function("item/write", |b| {
        b.iter(|| {
            writer.truncate(0);
            write_item(&mut writer, black_box(1));
            writer.len()
        });
    });
    c.bench_function("item/read", |b| {
        b.iter(|| Reader::new(black_box(&body)).and_then(|mut reader| read_map(&mut reader)));
    });
    c.bench_function("item/size", |b| {
        b.iter(|| item_size(black_box(&body)));
    });
}

fn pages(c: &mut Criterion) {
    let body = page(100);
    let mut group = c.benchmark_group("page of 100");
    group.throughput(Throughput::Bytes(body.len() as u64));
    group.bench_function("utf-8 check", |b| {
        b.iter(|| Reader::new(black_box(&body)).map(|reader| reader.position()));
    });
    group.bench_function("validate", |b| {
        b.iter(|| validate(black_box(&body)));
    });
    group.bench_function("pass", |b| {
        b.iter(|| Reader::new(black_box(&body)).and_then(|mut reader| reader.pass()));
    });
    group.bench_function("read", |b| {
        b.iter(|| read_page(black_box(&body)));
    });
    group.finish();
}

fn strings(c: &mut Criterion) {
    let mut group = c.benchmark_group("string");
    let texts = [
        ("plain 100 KB", "a".repeat(100_000)),
        (
            "lines 100 KB",
            "thirty-one bytes and a new line\n".repeat(3_125),
        ),
        ("greek 100 KB", "λόγος ".repeat(9_090)),
    ];
    for (name, text) in &texts {
        let mut writer = Writer::with_capacity(300_000);
        writer.string(text);
        let body = writer.as_bytes().to_vec();
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function(format!("{name}/write"), |b| {
            b.iter(|| {
                writer.truncate(0);
                writer.string(black_box(text));
                writer.len()
            });
        });
        group.bench_function(format!("{name}/read"), |b| {
            b.iter(|| {
                Reader::new(black_box(&body))
                    .and_then(|mut reader| Ok(reader.string()?.decode()?.len()))
            });
        });
    }
    group.finish();
}

fn numbers(c: &mut Criterion) {
    let mut group = c.benchmark_group("number");
    for text in [
        "42",
        "1234567890",
        "-1234.5625",
        "0.30000000000000004",
        "12345678901234567890.123456789012345678",
    ] {
        group.bench_function(format!("parse {text}"), |b| {
            b.iter(|| Number::parse(black_box(text)));
        });
    }
    group.bench_function("parse_i64 1234567890", |b| {
        b.iter(|| parse_i64(black_box("1234567890")));
    });
    group.bench_function("from_f64 1234.5625", |b| {
        b.iter(|| Number::from_f64(black_box(1234.5625)));
    });
    group.bench_function("f64_is_exact 1234.5625", |b| {
        b.iter(|| f64_is_exact(black_box("1234.5625"), 1234.5625));
    });
    group.bench_function("f64_is_exact 0.30000000000000004", |b| {
        b.iter(|| f64_is_exact(black_box("0.30000000000000004"), 0.1 + 0.2));
    });
    group.finish();
}

criterion_group!(benches, items, pages, strings, numbers);
criterion_main!(benches);
