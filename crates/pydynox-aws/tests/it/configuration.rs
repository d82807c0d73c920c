//! Which region and which endpoint are found, and in which order.

use crate::surroundings::{Outcome, Surrounded, endpoint_text};

const AWS: &str = "https://dynamodb.eu-central-1.amazonaws.com";

fn aws() -> String {
    endpoint_text(AWS, "eu-central-1")
}

fn in_europe() -> Surrounded {
    Surrounded::new().with("AWS_REGION", "eu-central-1")
}

#[test]
fn the_region_is_the_programs_then_the_environments_then_the_profiles() {
    let config = "[default]\nregion = eu-west-1\n[profile p]\nregion = eu-west-2\n";
    let mut surrounded = Surrounded::new().with_config(config);
    assert_eq!(surrounded.region().text(), "eu-west-1");
    for (name, value, region) in [
        ("AWS_PROFILE", "p", "eu-west-2"),
        ("AWS_DEFAULT_REGION", "us-east-1", "us-east-1"),
        ("AWS_REGION", "us-east-2", "us-east-2"),
        ("AWS_REGION", "", "us-east-1"),
        ("SAY_PROFILE", "default", "us-east-1"),
        ("SAY_REGION", "sa-east-1", "sa-east-1"),
    ] {
        surrounded = surrounded.with(name, value);
        assert_eq!(surrounded.region().text(), region, "{name}={value}");
    }
}

#[test]
fn no_region_lists_where_was_looked_and_is_not_remembered() {
    let surrounded = Surrounded::new().with("CONFIG", "[default]\nregion = eu-west-1\n");
    let home = surrounded.home.path().display().to_string();

    let [before, _, after] = surrounded.ask(["endpoint", "write config", "endpoint"]);

    assert_eq!(
        before.error("Configuration"),
        format!(
            "no region: searched region= (not given), AWS_REGION and AWS_DEFAULT_REGION (not set), profile 'default' of {home}/.aws/config and {home}/.aws/credentials (no such files), instance metadata (disabled by AWS_EC2_METADATA_DISABLED); pass region= or set AWS_REGION"
        )
    );
    assert_eq!(
        after.text(),
        endpoint_text("https://dynamodb.eu-west-1.amazonaws.com", "eu-west-1")
    );
}

#[test]
fn a_region_that_is_none_never_becomes_a_host() {
    for surrounded in [
        Surrounded::new().with("AWS_REGION", "evil.com/"),
        Surrounded::new().with("AWS_DEFAULT_REGION", "x@evil.com"),
        Surrounded::new().with_config("[default]\nregion = evil.com:80\n"),
    ] {
        let message = surrounded.endpoint().error("Configuration");
        assert!(
            message.contains("evil.com") && message.contains("must be the name of a region"),
            "{message}"
        );
    }
}

#[test]
fn the_order_of_addresses_is_the_sdks() {
    let mut differing = 0;
    for bits in 0..32_u8 {
        let set = |bit: u8| bits & (1 << bit) != 0;
        let mut config = "[default]\n".to_owned();
        if set(0) {
            config.push_str("endpoint_url = http://127.0.0.1:1\n");
        }
        if set(1) {
            config.push_str("services = s\n");
        }
        config.push_str("[services s]\ndynamodb =\n  endpoint_url = http://127.0.0.1:2\n");
        let mut surrounded = in_europe().with_config(&config);
        if set(2) {
            surrounded = surrounded.with("AWS_ENDPOINT_URL", "http://127.0.0.1:3");
        }
        if set(3) {
            surrounded = surrounded.with("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:4");
        }
        if set(4) {
            surrounded = surrounded.with("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true");
        }

        let [ours, theirs] = surrounded.ask(["endpoint", "sdk"]);

        let theirs = theirs.text();
        differing += u8::from(!theirs.starts_with(AWS));
        assert_eq!(
            ours.text(),
            endpoint_text(&theirs, "eu-central-1"),
            "{bits:05b}"
        );
    }
    assert_eq!(differing, 15);
}

#[test]
fn an_address_of_the_programs_is_not_ignored_and_needs_no_file() {
    let surrounded = in_europe()
        .with("SAY_ENDPOINT", "http://127.0.0.1:9")
        .with("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
        .with_config("[broken");

    assert_eq!(
        surrounded.endpoint().text(),
        endpoint_text("http://127.0.0.1:9", "eu-central-1")
    );
}

#[test]
fn an_address_of_the_programs_decides_all_but_the_region() {
    let config = "[default]\nregion = eu-west-1\nuse_fips_endpoint = true\nendpoint_url = http://127.0.0.1:8\n";
    let surrounded = Surrounded::new()
        .with("SAY_ENDPOINT", "http://127.0.0.1:9")
        .with_config(config);

    assert_eq!(
        surrounded.endpoint().text(),
        endpoint_text("http://127.0.0.1:9", "eu-west-1")
    );
}

#[test]
fn the_settings_of_a_profile_decide_about_the_endpoint() {
    for (line, url) in [
        (
            "use_fips_endpoint = true",
            "https://dynamodb-fips.eu-central-1.amazonaws.com",
        ),
        (
            "use_dualstack_endpoint = true",
            "https://dynamodb.eu-central-1.api.aws",
        ),
        ("endpoint_url = http://127.0.0.1:5", "http://127.0.0.1:5"),
        (
            "endpoint_url = http://127.0.0.1:5\nignore_configured_endpoint_urls = true",
            AWS,
        ),
        ("account_id_endpoint_mode = disabled", AWS),
    ] {
        let surrounded = in_europe().with_config(&format!("[profile p]\n{line}\n"));
        let surrounded = surrounded.with("AWS_PROFILE", "p");
        assert_eq!(
            surrounded.endpoint().text(),
            endpoint_text(url, "eu-central-1"),
            "{line}"
        );
    }
}

#[test]
fn variables_go_before_the_profile() {
    let config = "[default]\nuse_fips_endpoint = true\nuse_dualstack_endpoint = true\naccount_id_endpoint_mode = required\n";
    let surrounded = in_europe().with_config(config);
    assert!(
        surrounded
            .endpoint()
            .error("Configuration")
            .contains("FIPS account endpoints")
    );

    let undone = surrounded.with_all(&[
        ("AWS_USE_FIPS_ENDPOINT", "FALSE"),
        ("AWS_USE_DUALSTACK_ENDPOINT", "false"),
        ("AWS_ACCOUNT_ID_ENDPOINT_MODE", "Disabled"),
    ]);
    assert_eq!(undone.endpoint().text(), aws());
}

#[test]
fn variables_decide_about_the_endpoint() {
    for (name, value, url) in [
        (
            "AWS_USE_FIPS_ENDPOINT",
            "true",
            "https://dynamodb-fips.eu-central-1.amazonaws.com",
        ),
        (
            "AWS_USE_DUALSTACK_ENDPOINT",
            "True",
            "https://dynamodb.eu-central-1.api.aws",
        ),
        ("AWS_ACCOUNT_ID_ENDPOINT_MODE", "preferred", AWS),
        ("AWS_ENDPOINT_URL", "", AWS),
    ] {
        let outcome = in_europe().with(name, value).endpoint();
        assert_eq!(
            outcome.text(),
            endpoint_text(url, "eu-central-1"),
            "{name}={value}"
        );
    }
}

#[test]
fn a_setting_that_makes_no_sense_is_an_error_that_names_its_place() {
    for (name, value) in [
        ("AWS_USE_FIPS_ENDPOINT", "yes"),
        ("AWS_USE_DUALSTACK_ENDPOINT", "1"),
        ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "on"),
        ("AWS_ACCOUNT_ID_ENDPOINT_MODE", "always"),
        ("AWS_ENDPOINT_URL", "localhost:8000"),
        ("AWS_ENDPOINT_URL_DYNAMODB", "ftp://localhost"),
    ] {
        let message = in_europe()
            .with(name, value)
            .endpoint()
            .error("Configuration");
        assert!(
            message.contains(name) && message.contains(value),
            "{message}"
        );
    }
    for line in ["use_fips_endpoint = maybe", "endpoint_url = nowhere"] {
        let surrounded = in_europe().with_config(&format!("[default]\n{line}\n"));
        let message = surrounded.endpoint().error("Configuration");
        assert!(message.contains("of profile 'default'"), "{message}");
    }
    let message = in_europe()
        .with_config("[default")
        .endpoint()
        .error("Configuration");
    assert!(
        message.contains(".aws/config") && message.contains("line 1"),
        "{message}"
    );
}

#[test]
fn an_address_of_ones_own_goes_neither_with_fips_nor_with_dual_stack() {
    let own = || in_europe().with("SAY_ENDPOINT", "http://127.0.0.1:9");

    let fips = own().with("AWS_USE_FIPS_ENDPOINT", "true").endpoint();
    let dual_stack = own().with("AWS_USE_DUALSTACK_ENDPOINT", "true").endpoint();

    assert!(
        fips.error("Configuration")
            .contains("FIPS and custom endpoint are not supported")
    );
    assert!(
        dual_stack
            .error("Configuration")
            .contains("Dualstack and custom endpoint are not supported")
    );
}

#[test]
fn an_account_endpoint_may_be_required() {
    let outcome = in_europe()
        .with("AWS_ACCOUNT_ID_ENDPOINT_MODE", "required")
        .endpoint();

    let message = outcome.error("Configuration");

    assert!(
        message.contains("AccountIdEndpointMode is required but no AccountID"),
        "{message}"
    );
}

#[test]
fn a_missing_profile_matters_to_endpoints_only_when_the_program_chose_it() {
    assert_eq!(
        in_europe().with("AWS_PROFILE", "x").endpoint().text(),
        aws()
    );
    let outcome: Outcome = in_europe().with("SAY_PROFILE", "x").endpoint();
    assert!(outcome.error("Configuration").contains("no profile 'x'"));
}
