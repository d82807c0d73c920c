//! Tests of `unique`.

#![allow(clippy::unwrap_used)]

use super::*;

fn schema(partition: KeyType, sort: Option<KeyType>) -> ItemSchema {
    let sort = sort.map(|kind| ("sk", kind));
    let names: &[&str] = if sort.is_some() {
        &["pk", "sk"]
    } else {
        &["pk"]
    };
    ItemSchema::new("User", names.iter().copied(), ("pk", partition), sort).unwrap()
}

fn claim(value: &[u8]) -> Claim {
    Claim::new("user", &[("email", value)]).unwrap()
}

fn key(claim: &Claim, schema: &ItemSchema) -> String {
    String::from_utf8(claim.key(schema)).unwrap()
}

#[test]
fn a_key_has_the_types_of_the_table_and_stays_as_it_is() {
    let one = claim(br#"{"S":"a@b.c"}"#);

    let text = key(&one, &schema(KeyType::S, None));
    assert_eq!(
        text,
        r#"{"pk":{"S":"pydynox#unique#d656ffbc2080292cc22db8b45ab2ab66e7e11ad65613f98c3d491e1ef5b777af"}}"#
    );
    let number = key(&one, &schema(KeyType::N, Some(KeyType::N)));
    assert!(number.starts_with(r#"{"pk":{"N":"1"#), "{number}");
    assert!(number.ends_with(r#"E88"},"sk":{"N":"0"}}"#), "{number}");
    let binary = key(&one, &schema(KeyType::B, Some(KeyType::S)));
    assert!(binary.ends_with(r#","sk":{"S":"unique"}}"#), "{binary}");
    assert!(
        key(&one, &schema(KeyType::S, Some(KeyType::B))).ends_with(r#""sk":{"B":"dW5pcXVl"}}"#)
    );
}

#[test]
fn every_key_is_reserved_and_no_ordinary_one_is() {
    for kind in [KeyType::S, KeyType::N, KeyType::B] {
        let schema = schema(kind, None);
        for value in 0..50 {
            let key = claim(format!(r#"{{"N":"{value}"}}"#).as_bytes()).key(&schema);
            assert!(is_guard(Reader::new(&key).unwrap(), &schema).unwrap());
            let map = Value::read_map(&mut Reader::new(&key).unwrap()).unwrap();
            assert!(is_reserved(&map["pk"]));
        }
    }
    for plain in [
        r#"{"S":"pydynox"}"#,
        r#"{"N":"9.9E124"}"#,
        r#"{"N":"-1E125"}"#,
        r#"{"B":"cHlkeW5veA=="}"#,
    ] {
        assert!(
            !is_reserved(&Value::parse(plain.as_bytes()).unwrap()),
            "{plain}"
        );
    }
}

#[test]
fn equal_values_are_one_and_others_are_not() {
    assert_eq!(claim(br#"{"N":"5"}"#), claim(br#"{"N":"5.0"}"#));
    assert_ne!(claim(br#"{"N":"5"}"#), claim(br#"{"S":"5"}"#));
    assert_ne!(claim(br#"{"S":"a"}"#), claim(br#"{"S":"A"}"#));
    let of = |of: &str, values: &[(&str, &[u8])]| Claim::new(of, values).unwrap().hash;
    assert_ne!(
        of("u", &[("a", br#"{"S":"x"}"#), ("b", br#"{"S":"y"}"#)]),
        of("u", &[("a", br#"{"S":"y"}"#), ("b", br#"{"S":"x"}"#)]),
    );
    assert_ne!(
        of("u", &[("a", br#"{"S":"x"}"#)]),
        of("v", &[("a", br#"{"S":"x"}"#)])
    );
}

#[test]
fn a_guard_says_whose_it_is() {
    let (schema, one) = (schema(KeyType::S, None), claim(br#"{"S":"a@b.c"}"#));
    let body = one
        .take(&schema, "users", br#"{"pk":{"S":"u1"}}"#, None)
        .unwrap();
    let mut r = Reader::new(&body).unwrap();
    r.begin_object().unwrap();
    let item = loop {
        let name = r.next_key().unwrap().unwrap();
        if name.equals("Item") {
            break Value::read_map(&mut r).unwrap();
        }
        r.skip().unwrap();
    };
    let mut w = Writer::with_capacity(64);
    Value::write_map(&item, &mut w);

    assert_eq!(owner(w.as_bytes()).unwrap(), br#"{"pk":{"S":"u1"}}"#);
    assert!(is_guard(Reader::new(w.as_bytes()).unwrap(), &schema).unwrap());
    let plain = Reader::new(br#"{"pk":{"S":"u1"}}"#).unwrap();
    assert!(!is_guard(plain, &schema).unwrap());
}
