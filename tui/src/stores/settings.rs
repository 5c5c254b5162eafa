//! Checks settings from the environment before a client is created: the crate
//! `object_store` panics at some invalid values, and its errors name no variable.

use std::env::{self, VarError};

use url::Url;

use super::url::{Service, StoreUrl};

/// Variables that contain the URL of a server.
const URLS: [&str; 15] = [
    "AWS_ENDPOINT",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL_STS",
    "AWS_METADATA_ENDPOINT",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AZURE_ENDPOINT",
    "AZURE_STORAGE_ENDPOINT",
    "AZURE_AUTHORITY_HOST",
    "AZURE_STORAGE_AUTHORITY_HOST",
    "AZURE_IDENTITY_ENDPOINT",
    "AZURE_MSI_ENDPOINT",
    "AZURE_FABRIC_TOKEN_SERVICE_URL",
    "AZURE_FABRIC_WORKLOAD_HOST",
    "GOOGLE_BASE_URL",
];

/// Variables that become part of a host's name.
const NAMES: [&str; 3] = ["AWS_REGION", "AWS_DEFAULT_REGION", "AZURE_STORAGE_ACCOUNT_NAME"];

/// Variables that become part of a header.
const KEYS: [&str; 15] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_TOKEN",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_ACCESS_KEY",
    "AZURE_STORAGE_SAS_KEY",
    "AZURE_STORAGE_SAS_TOKEN",
    "AZURE_STORAGE_TOKEN",
    "AZURE_CLIENT_ID",
    "AZURE_CLIENT_SECRET",
    "AZURE_TENANT_ID",
    "GOOGLE_BEARER_TOKEN",
];

/// Variables that name a proxy, with or without a scheme.
const PROXIES: [&str; 9] = [
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
    "AWS_PROXY_URL",
    "AZURE_PROXY_URL",
    "GOOGLE_PROXY_URL",
];

/// Returns the prefix of the variables of a service.
fn prefix(service: Service) -> Option<&'static str> {
    match service {
        Service::S3 => Some("AWS_"),
        Service::Google => Some("GOOGLE_"),
        Service::Azure => Some("AZURE_"),
        Service::Http => None,
    }
}

/// Checks all settings that requests for a URL use.
///
/// # Errors
/// A message that names the variable or the bucket and says what is wrong. It does not
/// contain a value that may be secret.
pub fn check(url: &StoreUrl) -> Result<(), String> {
    check_bucket(url)?;
    let prefix = prefix(url.service());
    let is_used =
        |name: &&&str| match ["AWS_", "GOOGLE_", "AZURE_"].iter().find(|p| name.starts_with(**p)) {
            Some(used_by) => prefix == Some(*used_by),
            None => true,
        };
    for name in URLS.iter().filter(is_used) {
        check_variable(name, is_server)?;
    }
    for name in NAMES.iter().filter(is_used) {
        check_variable(name, is_name)?;
    }
    for name in KEYS.iter().filter(is_used) {
        check_variable(name, is_key)?;
    }
    for name in PROXIES.iter().filter(is_used) {
        check_variable(name, is_proxy)?;
    }
    match url.service() {
        Service::S3 => check_transport(),
        _ => Ok(()),
    }
}

/// Checks a variable, if it is set.
fn check_variable(name: &str, check: fn(&str) -> Result<(), &'static str>) -> Result<(), String> {
    match env::var(name) {
        Ok(value) => check(&value).map_err(|wrong| format!("{name} {wrong}")),
        Err(VarError::NotPresent) => Ok(()),
        Err(VarError::NotUnicode(_)) => Err(format!("{name} is not UTF-8")),
    }
}

fn is_server(value: &str) -> Result<(), &'static str> {
    if value.is_empty() {
        return Err("is empty: unset it");
    }
    let url = Url::parse(value).ok().filter(Url::has_host);
    match url.filter(|url| ["http", "https"].contains(&url.scheme())) {
        Some(_) if value.chars().all(is_visible) => Ok(()),
        _ => Err("is not the URL of a server: https://HOST, or http://HOST:PORT"),
    }
}

fn is_name(value: &str) -> Result<(), &'static str> {
    match !value.is_empty() && value.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        true => Ok(()),
        false => Err("is not a name: it may have letters, digits and hyphens"),
    }
}

fn is_key(value: &str) -> Result<(), &'static str> {
    match value.chars().all(is_visible) {
        true => Ok(()),
        false => Err("has a space, a newline or another character that is invalid in a key"),
    }
}

fn is_proxy(value: &str) -> Result<(), &'static str> {
    let has_host = |text: &str| Url::parse(text).is_ok_and(|url| url.has_host());
    let is_url = match value.contains("://") {
        true => has_host(value),
        false => has_host(&format!("http://{value}")),
    };
    match value.is_empty() || (is_url && value.chars().all(is_visible)) {
        true => Ok(()),
        false => Err("is not the URL of a proxy: http://HOST:PORT"),
    }
}

fn is_visible(c: char) -> bool {
    c.is_ascii_graphic()
}

/// Checks the bucket, which becomes part of a URL, in some cases of the host name.
fn check_bucket(url: &StoreUrl) -> Result<(), String> {
    let (name, more) = match url.service() {
        Service::S3 | Service::Google => ("bucket", "-._"),
        Service::Azure => ("container", "-$"),
        Service::Http => return Ok(()),
    };
    match url.authority().chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c)) {
        true => Ok(()),
        false => {
            Err(format!("not a valid name of a {name}: it may have letters, digits and {more}"))
        }
    }
}

/// Checks that `http://` is allowed: the client's own error does not name the variable.
fn check_transport() -> Result<(), String> {
    let allowed = env::var("AWS_ALLOW_HTTP").unwrap_or_default().to_ascii_lowercase();
    if ["1", "true", "on", "yes", "y"].contains(&allowed.as_str()) {
        return Ok(());
    }
    for name in ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"] {
        if env::var(name).is_ok_and(|url| url.starts_with("http://")) {
            return Err(format!(
                "{name} is http://, which is used only with AWS_ALLOW_HTTP=true: keys and packs \
                 go there unencrypted"
            ));
        }
    }
    Ok(())
}

/// Adds the name of the variable to an error of the crate about its value.
pub fn explain(url: &StoreUrl, error: &object_store::Error) -> String {
    let message = error.to_string();
    let variable = prefix(url.service()).and_then(|prefix| {
        env::vars_os().find_map(|(name, value)| {
            let (name, value) = (name.into_string().ok()?, value.into_string().ok()?);
            let is_it = name.starts_with(prefix) && !value.is_empty();
            (is_it && message.contains(&format!("\"{value}\""))).then_some(name)
        })
    });
    match variable {
        Some(variable) => format!("{variable}: {message}"),
        None => message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_has_a_scheme_and_a_host() {
        for good in ["http://127.0.0.1:9000", "https://s3.example.org/path"] {
            assert_eq!(is_server(good), Ok(()), "{good}");
        }
        for bad in ["", "127.0.0.1:9000", "localhost:9000", "ftp://host", "https://", "http://a\n"]
        {
            assert!(is_server(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn names_keys_and_proxies_have_no_blanks() {
        assert!(is_name("eu-west-1").is_ok() && is_name("auto").is_ok());
        assert!(is_name("eu-west-1\n").is_err() && is_name("").is_err() && is_name("a.b").is_err());
        assert!(is_key("wJalrXUtnFEMI/K7MDENG+=").is_ok() && is_key("").is_ok());
        assert!(is_key("key\n").is_err() && is_key("k y").is_err());
        for good in ["", "proxy:3128", "http://user:pass@proxy:3128", "socks5h://proxy"] {
            assert!(is_proxy(good).is_ok(), "{good:?}");
        }
        for bad in ["http://", "://x", "pro xy:1", "http://proxy:port"] {
            assert!(is_proxy(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_bucket_consists_of_characters_of_a_host_name() {
        let check = |text| check_bucket(&StoreUrl::parse(text).unwrap());
        assert!(check("s3://my.bucket-1_x/k").is_ok() && check("az://$root/k").is_ok());
        for bad in ["s3://a bucket/k", "gs://b?x/k", "s3://b\n/k", "az://c_d/k"] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
