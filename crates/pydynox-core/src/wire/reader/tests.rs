//! Tests of `reader`.

#![allow(clippy::unwrap_used, clippy::format_collect)]

use proptest::prelude::*;
use serde::de::IgnoredAny;
use serde_json::{Map, Value as Json, json};

use super::super::passing::validate;
use super::*;

/// A number as it stands in the trees of these tests: by its text, since `serde_json` reads one into a float.
fn number(text: &str) -> Json {
    json!({ "number": text })
}

/// What `serde_json` makes of a text. Its feature for exact numbers would reach the embedded engine too, in tests alone.
fn expected(body: &[u8]) -> Option<Json> {
    let (mut text, mut rest, mut in_string) = (Vec::new(), body, false);
    while let [byte, after @ ..] = rest {
        let length = match byte {
            b'\\' if in_string => rest.len().min(2),
            b'-' | b'0'..=b'9' if !in_string => {
                let of_numbers = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
                1 + after.iter().take_while(|byte| of_numbers(byte)).count()
            }
            _ => 1,
        };
        in_string ^= *byte == b'"';
        let token;
        (token, rest) = rest.split_at(length);
        let starts_number = !in_string && matches!(byte, b'-' | b'0'..=b'9');
        if starts_number && serde_json::from_slice::<IgnoredAny>(token).is_ok() {
            text.extend(number(str::from_utf8(token).unwrap()).to_string().bytes());
        } else {
            text.extend(token);
        }
    }
    serde_json::from_slice(&text).ok()
}

/// The whole tree, read the way that callers read.
fn tree(reader: &mut Reader<'_>) -> Result<Json, WireError> {
    Ok(match reader.peek()? {
        b'{' => {
            let mut map = Map::new();
            reader.begin_object()?;
            while let Some(key) = reader.next_key()? {
                let key = key.decode()?.into_owned();
                map.insert(key, tree(reader)?);
            }
            Json::Object(map)
        }
        b'[' => {
            let mut elements = Vec::new();
            reader.begin_array()?;
            while reader.next_element()? {
                elements.push(tree(reader)?);
            }
            Json::Array(elements)
        }
        b'"' => Json::String(reader.string()?.decode()?.into_owned()),
        b't' | b'f' => Json::Bool(reader.boolean()?),
        b'n' => {
            reader.null()?;
            Json::Null
        }
        _ => number(reader.json_number()?),
    })
}

fn read(body: &[u8]) -> Result<Json, WireError> {
    let mut reader = Reader::new(body)?;
    let json = tree(&mut reader)?;
    reader.end()?;
    Ok(json)
}

/// Both ways over the text agree with `serde_json`.
fn agree(body: &[u8]) -> Result<(), TestCaseError> {
    let expected = expected(body);
    prop_assert_eq!(
        validate(body).is_ok(),
        expected.is_some(),
        "{:?}",
        String::from_utf8_lossy(body)
    );
    prop_assert_eq!(read(body).ok(), expected);
    Ok(())
}

fn string(body: &str) -> Result<String, WireError> {
    let mut reader = Reader::new(body.as_bytes())?;
    let text = reader.string()?;
    reader.end()?;
    Ok(text.decode()?.into_owned())
}

proptest! {
    #[test]
    fn what_is_passed_over_is_what_is_skipped(value in json_text(), tail in "[ ,}\\]x\"]{0,9}") {
        let body = format!(" {value}{tail}");
        let (mut skipping, mut passing) = (
            Reader::new(body.as_bytes()).unwrap(),
            Reader::new(body.as_bytes()).unwrap(),
        );

        let (skipped, passed) = (skipping.skip(), passing.pass());

        if skipped.is_ok() {
            prop_assert!(passed.is_ok());
            prop_assert_eq!(skipping.position(), passing.position());
        }
    }

    #[test]
    fn passing_over_anything_ends(body in "[\\[\\]{}\",:\\\\a-c ]{0,40}") {
        let mut reader = Reader::new(body.as_bytes()).unwrap();
        if reader.pass().is_ok() {
            prop_assert!(reader.position() <= body.len());
        }
    }
}

#[test]
fn values_of_one_text_are_passed_over_to_their_ends() {
    for body in [
        r#"{"a":{"S":"x}"},"b":{"N":"1"}}"#,
        r#"{"a":{"\\":"x"},"b":{"\"":"}"}}"#,
        r#"{"a":{"S":"x","N":"}"},"b":{"S":"\\"}}"#,
        r#"{"a":{"S":"x" },"b":{"S":"}\""}}"#,
        r#"{"a":{"M":{"S":{"S":"]"},"é":{"S":""}}}}"#,
        r#"{"L":[{"S":"]"},{"L":[{"S":"}"}]},{"S":"x"}]}"#,
        r#"{"S":"x"}"#,
    ] {
        let tailed = format!("{body}]}}");
        let mut reader = Reader::new(tailed.as_bytes()).unwrap();
        reader.pass().unwrap();
        assert_eq!(reader.position(), body.len(), "{body}");
        assert!(
            Reader::new(&body.as_bytes()[..body.len() - 1])
                .unwrap()
                .pass()
                .is_err()
        );
    }
}

#[test]
fn every_type_of_value_is_begun_and_ended() {
    for (tag, name, content) in [
        (Tag::S, "S", r#""x""#),
        (Tag::N, "N", r#""1""#),
        (Tag::B, "B", r#""eA==""#),
        (Tag::Bool, "BOOL", "true"),
        (Tag::Null, "NULL", "true"),
        (Tag::M, "M", "{}"),
        (Tag::L, "L", "[]"),
        (Tag::Ss, "SS", r#"["x"]"#),
        (Tag::Ns, "NS", r#"["1"]"#),
        (Tag::Bs, "BS", r#"["eA=="]"#),
    ] {
        assert_eq!((tag.name(), Tag::from_name(name)), (name, Some(tag)));
        let escaped: String = name
            .bytes()
            .map(|letter| format!("\\u{letter:04x}"))
            .collect();
        for body in [
            format!(r#"{{"{name}":{content}}}"#),
            format!(" {{ \"{name}\"\t:\n{content}\r}} "),
            format!(r#"{{"{escaped}":{content}}}"#),
        ] {
            let mut reader = Reader::new(body.as_bytes()).unwrap();

            assert_eq!(reader.begin_value(), Ok(tag), "{body}");
            reader.skip().unwrap();
            reader.end_value().unwrap();
            reader.end().unwrap();
        }
    }
}

#[test]
fn what_is_no_attribute_value_is_refused() {
    for body in [
        "",
        "{",
        "{}",
        "[]",
        "null",
        r#""S""#,
        r#"{"X":"x"}"#,
        r#"{"s":"x"}"#,
        r#"{"XS":["x"]}"#,
        r#"{"LS":[1]}"#,
        r#"{"S"}"#,
        r#"{"S","x"}"#,
        r#"{"BOOK":1}"#,
        r#"{"":1}"#,
    ] {
        let mut reader = Reader::new(body.as_bytes()).unwrap();

        assert!(reader.begin_value().is_err(), "{body}");
    }
    let mut reader = Reader::new(br#"{"S":"x","N":"1"}"#).unwrap();
    assert_eq!(reader.begin_value(), Ok(Tag::S));
    reader.skip().unwrap();
    let expected = WireError {
        position: 8,
        what: "the end of the attribute value was expected",
    };
    assert_eq!(reader.end_value(), Err(expected));
}

#[test]
fn a_string_says_whether_it_is_plain_and_ascii() {
    for tail in ["", "          "] {
        for (text, plain, ascii) in [
            ("", true, true),
            ("short", true, true),
            ("exactly8", true, true),
            ("seventeen letters", true, true),
            ("café", true, false),
            ("a longer text, and then é", true, false),
            ("\u{e9}", true, false),
            (r"a\nb", false, true),
            (r"\u00e9", false, true),
            (r"é\n", false, false),
        ] {
            let body = format!("\"{text}\"{tail}");
            let read = Reader::new(body.as_bytes()).unwrap().string().unwrap();

            assert_eq!(
                (read.raw(), read.is_plain(), read.is_ascii()),
                (text, plain, ascii)
            );
        }
    }
}

#[test]
fn escapes_and_surrogate_pairs_are_decoded() {
    assert_eq!(
        string(r#""\"\\\/\b\f\n\r\t\u0041\u00E9\u20ac""#).unwrap(),
        "\"\\/\u{8}\u{c}\n\r\tAé€"
    );
    assert_eq!(string(r#""\ud83d\ude00 \uD834\uDD1E""#).unwrap(), "😀 𝄞");
    assert_eq!(string(r#""\u0000\uffff""#).unwrap(), "\0\u{ffff}");
    assert!(
        Reader::new(br#""n\u0061me""#)
            .unwrap()
            .string()
            .unwrap()
            .equals("name")
    );
}

#[test]
fn wrong_escapes_are_refused_while_passing_over_them() {
    for body in [
        r#""\x""#,
        r#""\u12""#,
        r#""\u12g4""#,
        r#""\u+123""#,
        r#""\ud83d""#,
        r#""\ud83d ""#,
        r#""\ud83d\n""#,
        r#""\ud83d\u0041""#,
        r#""\ud83d\ud83d""#,
        r#""\ude00""#,
        r#""\ude00\ud83d""#,
        r#""\"#,
        r#""\u"#,
        r#""\ud83d\u"#,
        "\"\\é\"",
    ] {
        assert!(string(body).is_err(), "{body}");
        assert!(validate(body.as_bytes()).is_err(), "{body}");
    }
}

#[test]
fn control_characters_and_broken_utf8_are_refused() {
    for control in 0..0x20 {
        for padding in ["", "        ", &" ".repeat(100)] {
            assert!(string(&format!("\"{padding}{}{padding}\"", char::from(control))).is_err());
        }
    }
    assert_eq!(string("\"\u{7f}\"").unwrap(), "\u{7f}");
    for broken in [
        &b"\"\xff\""[..],
        b"\"\xc3\"",
        b"\"\xed\xa0\x80\"",
        b"\"\xc0\x80\"",
        b"\xef\xbb\xbf{}",
    ] {
        assert!(validate(broken).is_err());
    }
    assert_eq!(
        validate(b"\"ab\xff\""),
        Err(WireError {
            position: 3,
            what: "not UTF-8"
        })
    );
}

#[test]
fn commas_stand_between_members_and_nowhere_else() {
    for body in [
        "{,}",
        "[,]",
        r#"{"a":1,}"#,
        "[1,]",
        r#"{,"a":1}"#,
        "[,1]",
        r#"{"a":1 "b":2}"#,
        "[1 2]",
        "[1,,2]",
        r#"{"a":1,,"b":2}"#,
        r#"{"a" 1}"#,
        r#"{"a"}"#,
        r#"{"a":}"#,
        "{1:2}",
        "[1}",
        r#"{"a":1]"#,
        "[[1]",
        "[1]]",
        "{}{}",
        "1 2",
        "",
        " ",
        r#"{"{" "a":1}"#,
        r#"["[" "a"]"#,
        r#"{"a":"{" "b":1}"#,
        "[\"[\",]",
    ] {
        assert!(validate(body.as_bytes()).is_err(), "{body}");
        assert!(read(body.as_bytes()).is_err(), "{body}");
    }
}

#[test]
fn blanks_may_stand_between_all_tokens() {
    let body = b" \r\n\t{ \"a\" : [ 1 , { } , [ ] , \"[\" ] , \"b\" : null } ";

    assert!(validate(body).is_ok());
    assert_eq!(read(body).ok(), expected(body));
    assert!(validate(b"[1,\x0c2]").is_err());
}

#[test]
fn a_look_ahead_changes_nothing() {
    let mut reader = Reader::new(b"{ \"a\" : [ 1 , 2 ] }").unwrap();
    reader.begin_object().unwrap();
    assert_eq!(reader.peek(), Ok(b'"'));
    assert!(reader.next_key().unwrap().unwrap().equals("a"));
    assert_eq!(reader.peek(), Ok(b'['));
    let start = reader.position();
    reader.begin_array().unwrap();
    assert_eq!(reader.peek(), Ok(b'1'));
    for expected in ["1", "2"] {
        assert!(reader.next_element().unwrap());
        assert_eq!(reader.peek().unwrap(), expected.as_bytes()[0]);
        assert_eq!(reader.json_number(), Ok(expected));
        reader.peek().unwrap();
    }
    assert_eq!(reader.next_element(), Ok(false));
    assert_eq!(reader.slice(start), b"[ 1 , 2 ]");
    assert_eq!(reader.slice(start - 1), b"[ 1 , 2 ]");
    assert_eq!(reader.next_key(), Ok(None));
    assert!(reader.peek().is_err());
}

#[test]
fn numbers_follow_the_grammar() {
    for text in [
        "0",
        "-0",
        "10",
        "1.5",
        "-0.5E+10",
        "1e5",
        "1E-400",
        "123456789012345678901234567890",
    ] {
        assert!(validate(text.as_bytes()).is_ok(), "{text}");
        assert_eq!(
            Reader::new(text.as_bytes()).unwrap().json_number(),
            Ok(text)
        );
    }
    for text in [
        "-", "+1", "01", "-01", "1.", ".5", "1e", "1e+", "0x1", "NaN", "Infinity", "--1", "1.e5",
        "١",
    ] {
        assert!(validate(text.as_bytes()).is_err(), "{text}");
    }
    for text in ["tru", "True", "truex", "nul", "nullx", "fals", "falsey"] {
        assert!(validate(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn nesting_has_a_limit_whichever_way_it_is_walked() {
    let arrays = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let objects = |levels: usize| format!("{}1{}", r#"{"a":"#.repeat(levels), "}".repeat(levels));
    let lists = |levels: usize| format!("{}{}", r#"{"L":["#.repeat(levels), "]}".repeat(levels));
    for nested in [&arrays as &dyn Fn(usize) -> String, &objects] {
        assert!(validate(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert!(read(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert!(validate(nested(MAX_DEPTH + 1).as_bytes()).is_err());
        assert!(read(nested(MAX_DEPTH + 1).as_bytes()).is_err());
        assert!(validate(nested(1_000_000).as_bytes()).is_err());
    }
    let value = |body: String| crate::wire::Value::parse(body.as_bytes());
    assert!(value(lists(MAX_DEPTH / 2)).is_ok());
    let error = value(lists(MAX_DEPTH / 2 + 1)).unwrap_err();
    assert_eq!(error.what, "nested too deep");
    // Siblings do not add up.
    let siblings = format!("[{}]", vec!["[[]]"; 1_000].join(","));
    assert!(validate(siblings.as_bytes()).is_ok());
}

#[test]
fn base64_is_strict() {
    let binary = |body: &str| Reader::new(body.as_bytes()).unwrap().binary();

    assert_eq!(binary(r#""""#).unwrap(), b"");
    assert_eq!(binary(r#""AAEC/w==""#).unwrap(), [0, 1, 2, 255]);
    assert_eq!(binary(r#""AAEC\/w==""#).unwrap(), [0, 1, 2, 255]);
    for wrong in [
        r#""AAEC/w""#,
        r#""AAEC_w==""#,
        r#""A""#,
        r#""AA EC""#,
        r#""AAEC/x==""#,
        r#""é===""#,
    ] {
        assert_eq!(
            binary(wrong),
            Err(WireError {
                position: 0,
                what: "not base64"
            }),
            "{wrong}"
        );
    }
}

#[test]
fn errors_say_where() {
    for (body, position, what) in [
        ("", 0, "the text ends too early"),
        (r#"{"a":1 "#, 7, "the text ends too early"),
        (r#"{"a";1}"#, 4, "':' was expected"),
        (r#"["a\qb"]"#, 3, "an unknown escape"),
        (r#"["abc"#, 5, "the text ends in a string"),
        ("[1,x]", 3, "a value was expected"),
        ("{} x", 3, "the end was expected"),
    ] {
        let error = validate(body.as_bytes()).unwrap_err();

        let expected = if body.is_empty() {
            "a value was expected"
        } else {
            what
        };
        assert_eq!((error.position, error.what), (position, expected), "{body}");
    }
    let error = WireError {
        position: 7,
        what: "':' was expected",
    };
    assert_eq!(error.to_string(), "':' was expected at byte 7");
    let error = crate::error::Error::from(error);
    assert_eq!(*error.kind(), crate::error::ErrorKind::InvalidResponse);
}

/// A JSON string, written with any of the escapes that JSON has.
fn json_string() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => "[a-zA-Z0-9 _{}:,\\[\\]-]{0,12}",
        2 => "[^\"\\\\\\x00-\\x1f]{0,12}",
        1 => prop_oneof![Just("\\\""), Just("\\\\"), Just("\\/"), Just("\\b"), Just("\\f"), Just("\\n"), Just("\\r"), Just("\\t")]
            .prop_map(str::to_owned),
        1 => any::<u16>().prop_map(|unit| format!("\\u{unit:04x}")),
        1 => any::<char>().prop_map(|character| {
            let mut units = [0; 2];
            character.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04X}")).collect()
        }),
    ];
    prop::collection::vec(part, 0..6).prop_map(|parts| format!("\"{}\"", parts.concat()))
}

/// JSON texts; some hold lone surrogates, so not all are well formed.
fn json_text() -> impl Strategy<Value = String> {
    let blank = || prop_oneof![8 => Just(""), 1 => Just(" "), 1 => Just("\r\n\t")];
    let scalar = prop_oneof![
        4 => json_string(),
        1 => Just("true".to_owned()),
        1 => Just("false".to_owned()),
        1 => Just("null".to_owned()),
        2 => "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,5})?([eE][+-]?[0-9]{1,3})?",
    ];
    let joined = |members: Vec<String>, blank: &str| members.join(&format!("{blank},{blank}"));
    scalar.prop_recursive(6, 64, 6, move |inner| {
        let member = (json_string(), blank(), inner.clone())
            .prop_map(|(key, blank, value)| format!("{key}{blank}:{blank}{value}"));
        prop_oneof![
            (prop::collection::vec(inner, 0..6), blank()).prop_map(
                move |(members, blank)| format!("[{blank}{}{blank}]", joined(members, blank))
            ),
            (prop::collection::vec(member, 0..6), blank()).prop_map(
                move |(members, blank)| format!("{{{blank}{}{blank}}}", joined(members, blank))
            ),
        ]
    })
}

proptest! {
    #[test]
    fn json_is_read_as_serde_json_reads_it(body in json_text()) {
        agree(body.as_bytes())?;
    }

    #[test]
    fn a_cut_text_is_read_as_serde_json_reads_it(body in json_text()) {
        for end in 0..body.len() {
            agree(&body.as_bytes()[..end])?;
        }
    }

    #[test]
    fn a_damaged_text_is_read_as_serde_json_reads_it(
        body in json_text(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), prop_oneof![any::<u8>(), prop::sample::select(&b"{}[],:\"\\ u0e-.tfn"[..])]), 1..4),
    ) {
        let mut body = body.into_bytes();
        for (index, byte) in damage {
            let at = index.index(body.len());
            body[at] = byte;
        }
        agree(&body)?;
    }

    #[test]
    fn strings_of_tokens_are_read_as_serde_json_reads_them(
        tokens in prop::collection::vec(prop::sample::select(&["{", "}", "[", "]", ",", ":", "\"", "\"a\"", "\\", "u0041", "1", "-", "null", " ", "{\"S\":", "true"][..]), 0..12),
    ) {
        agree(tokens.concat().as_bytes())?;
    }

    #[test]
    fn no_bytes_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        agree(&body)?;
        let _ = crate::wire::Value::parse(&body);
    }
}

#[test]
fn a_key_is_consumed_if_it_is_the_expected_text() {
    let mut r = Reader::new(br#"{"a":1,"b":2 ,"c":3}"#).unwrap();
    r.begin_object().unwrap();
    assert!(!r.next_key_is(br#""b":"#));
    assert!(r.next_key_is(br#""a":"#));
    assert!(!r.next_key_is(br#""b":"#)); // its value comes first
    assert_eq!(r.json_number().unwrap(), "1");
    assert!(!r.next_key_is(br#""c":"#));
    assert!(r.next_key_is(br#""b":"#));
    assert_eq!(r.json_number().unwrap(), "2");
    assert!(!r.next_key_is(br#""c":"#)); // after a blank
    assert_eq!(r.next_key().unwrap().unwrap().raw(), "c");
    assert_eq!(r.json_number().unwrap(), "3");
    assert!(!r.next_key_is(br#""c":"#));
    assert!(r.next_key().unwrap().is_none());

    let mut r = Reader::new(br#"{,"a":1}"#).unwrap();
    r.begin_object().unwrap();
    assert!(!r.next_key_is(br#""a":"#));
}
