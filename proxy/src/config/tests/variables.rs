//! Values that stand in the environment.

use super::super::{Overrides, Read, read_bytes};

const FILE: &str = "
environment_variables:
  KEY: os.environ/UP_KEY
  HOST: http://h:8000
model_list:
  - model_name: m
    mishikallm_params:
      model: triton/m
      api_base: os.environ/HOST
      api_key: os.environ/ KEY
      extra_headers: {x-tenant: os.environ/TENANT}
      rpm: os.environ/RPM
      timeout: os.environ/SECONDS
      drop_params: os.environ/SWITCH
      triton: {normalize: os.environ/SWITCH, inputs: {language: os.environ/TENANT}}
      stop: [os.environ/TENANT]
    model_info: {max_input_tokens: os.environ/RPM}
mishikallm_settings:
  tls: {insecure: os.environ/SWITCH}
general_settings:
  master_key: os.environ/UP_KEY
  max_request_size_mb: os.environ/SECONDS
";

fn read(file: &str, rpm: &str) -> Read {
    let lookup = |name: &str| {
        let text = match name {
            "UP_KEY" => "sk-0123456789abcdef",
            "TENANT" => "123",
            "RPM" => rpm,
            "SECONDS" => "2.5",
            "SWITCH" => "true",
            _ => return Ok(None),
        };
        Ok(Some(text.to_owned()))
    };
    read_bytes("FILE", file.as_bytes(), &Overrides::default(), &lookup)
}

fn told(read: &Read) -> Vec<String> {
    let problems = read.problems.warnings.iter().chain(&read.problems.errors);
    problems.map(ToString::to_string).collect()
}

#[test]
fn they_are_of_the_kind_that_is_wanted_there() {
    let read = read(FILE, "60");
    assert_eq!(told(&read), [""; 0]);
    let settings = read.settings.unwrap();
    let config = settings.fleet.config();
    let d = &config.deployments[0];
    assert_eq!(d.options.api_base.as_deref(), Some("http://h:8000"));
    let key = d.options.api_key.as_ref().map(|key| key.reveal());
    assert_eq!(key, Some("sk-0123456789abcdef"));
    assert_eq!(d.options.headers["x-tenant"].reveal(), "123");
    assert_eq!(
        (d.capacity.rpm, d.capacity.max_input_tokens),
        (Some(60), Some(60))
    );
    assert_eq!(d.options.timeout.map(|t| t.as_millis()), Some(2500));
    assert_eq!(d.options.drop_params, Some(true));
    assert_eq!(d.options.triton.normalize, Some(true));
    // What is the model's own stays the text that it is.
    assert_eq!(d.options.triton.inputs["language"], "123");
    assert_eq!(d.params["stop"][0], "123");
    assert!(config.tls.insecure);
    assert_eq!(settings.general.max_request_bytes, 5 << 19);
}

#[test]
fn one_that_is_wrong_there_is_told_by_its_name_and_without_its_value() {
    let found = read(FILE, "plenty");
    assert_eq!(
        told(&found),
        [
            "FILE:12: model_list[0].mishikallm_params.rpm: expected a whole number of at least 1, got a string; it comes from the environment variable RPM",
            "FILE:17: model_list[0].model_info.max_input_tokens: expected a whole number of at least 1, got a string; it comes from the environment variable RPM",
        ]
    );
    let file = FILE.replace("http://h:8000", "plenty:8000");
    assert_eq!(
        told(&read(&file, "60")),
        [
            "FILE:9: model_list[0].mishikallm_params.api_base: expected a URL such as http://localhost:8000, got a string that does not begin with http:// or https://; it comes from the environment variable HOST",
        ]
    );
}

#[test]
fn one_that_is_not_set_is_told_where_it_is_wanted() {
    let file = FILE.replace("TENANT", "TENANTS");
    assert_eq!(
        told(&read(&file, "60")),
        [
            "FILE:11: model_list[0].mishikallm_params.extra_headers.x-tenant: the environment variable TENANTS is not set",
            "FILE:15: model_list[0].mishikallm_params.triton.inputs.language: the environment variable TENANTS is not set",
            "FILE:16: model_list[0].mishikallm_params.stop[0]: the environment variable TENANTS is not set",
        ]
    );
}

/// The reference puts them into its own environment, where it finds its key.
#[test]
fn a_master_key_may_be_among_those_that_the_file_defines() {
    let file = "environment_variables:\n  MISHIKALLM_MASTER_KEY: os.environ/UP_KEY\nmodel_list:\n  - model_name: m\n    mishikallm_params: {model: triton/m, api_base: http://h}\n";
    let found = read(file, "60");
    assert_eq!(told(&found), [""; 0]);
    let key = found.settings.unwrap().general.master_key;
    assert_eq!(
        key.map(|key| key.reveal().to_owned()).as_deref(),
        Some("sk-0123456789abcdef")
    );
    // One that is wrong leaves no proxy open.
    let found = read(&file.replace("UP_KEY", "NOT_SET"), "60");
    assert!(found.settings.is_none());
    assert_eq!(
        told(&found),
        [
            "FILE:2: environment_variables.MISHIKALLM_MASTER_KEY: the environment variable NOT_SET is not set"
        ]
    );
}

#[test]
fn without_a_master_key_the_databases_variable_is_another_programs() {
    let lookup = |name: &str| {
        let is_it = name == "DATABASE_URL";
        Ok(is_it.then(|| "mysql2://of-another/program".to_owned()))
    };
    let told = |general: &str| {
        let file = format!(
            "model_list:\n- model_name: m\n  mishikallm_params: {{model: triton/m, api_base: 'http://h'}}\n{general}"
        );
        let read = read_bytes("FILE", file.as_bytes(), &Overrides::default(), &lookup);
        (told(&read), read.settings.is_some())
    };
    assert_eq!(told(""), (Vec::new(), true));
    let (said, is_read) = told("general_settings: {master_key: sk-0123456789abcdef}");
    assert!(
        !is_read && said[0].contains("DATABASE_URL: expected sqlite"),
        "{said:?}"
    );
}
