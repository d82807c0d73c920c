//! Any line and any page: no panic, and what is exported is what is imported.

use pydynox_core::export_lines::{item, write_page, write_scan};
use pydynox_core::wire::Writer;

pub(super) fn check(bytes: &[u8]) {
    if let Ok(canonical) = item(bytes) {
        let line = [br#"{"Item":"#, &canonical[..], b"}"].concat();
        assert_eq!(item(&line).as_ref(), Ok(&canonical), "it has two forms");
    }
    let mut writer = Writer::default();
    let Ok(page) = write_page(&mut writer, bytes) else {
        return;
    };
    let mut lines = 0;
    for line in writer.as_bytes().split_inclusive(|byte| *byte == b'\n') {
        let read = item(line);
        let line = line.strip_suffix(b"\n");
        let again = read.map(|item| [br#"{"Item":"#, &item[..], b"}"].concat());
        assert_eq!(again.as_deref().ok(), line, "a line is read otherwise");
        lines += 1;
    }
    assert_eq!(lines, page.count);
    let mut body = Writer::default();
    assert!(
        write_scan(&mut body, "t", page.next.as_deref(), false, None).is_ok(),
        "the scan cannot continue"
    );
}
