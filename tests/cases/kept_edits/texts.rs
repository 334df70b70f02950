//! One file of each format.

use detector::network::kept::Format;

/// A file of this format that names `host`.
pub(crate) fn of(format: Format, host: &str) -> String {
    let url = format!("https://{host}/");
    match format {
        Format::Bundle => {
            format!("---\nBUNDLE_{}: \"x:y\"\n", host.to_uppercase().replace('-', "___").replace('.', "__"))
        }
        Format::Cargo => format!("[registries.a]\nindex = \"sparse+{url}\"\n"),
        Format::Composer => format!("{{\"bearer\": {{\"{host}\": \"x\"}}}}\n"),
        Format::Docker => format!("{{\"auths\": {{\"{host}\": {{\"auth\": \"eDp5\"}}}}}}\n"),
        Format::Dockercfg => format!("{{\"{host}\": {{\"auth\": \"eDp5\"}}}}\n"),
        Format::GemCredentials => format!("---\n\"{url}\": x\n"),
        Format::Gemrc => format!("---\n:sources:\n- \"{url}\"\n"),
        Format::Gh => format!("{host}:\n  oauth_token: y\n"),
        Format::GitConfig => format!("[remote \"o\"]\n\turl = {url}x\n"),
        Format::GitCredentials => format!("https://x:y@{host}\n"),
        Format::Glab => format!("hosts:\n  {host}:\n    token: x\n"),
        Format::HelmRepositories => format!("repositories:\n- name: a\n  url: {url}\n"),
        Format::Jfrog => format!("{{\"servers\": [{{\"url\": \"{url}\"}}]}}\n"),
        Format::KnownHosts => format!("{host} ssh-ed25519 AAAA\n"),
        Format::Kubeconfig => format!("clusters:\n- cluster:\n    server: {url}\n  name: x\n"),
        Format::Maven => format!(
            "<settings><servers><server><id>a</id></server></servers><mirrors><mirror><id>a</id><url>{url}</url></mirror></mirrors></settings>\n"
        ),
        Format::Netrc => format!("machine {host} login x password y\n"),
        Format::Npmrc => format!("//{host}/:_authToken=x\n"),
        Format::Nuget => format!(
            "<configuration><packageSources><add key=\"a\" value=\"{url}\" /></packageSources></configuration>\n"
        ),
        Format::Pgpass => format!("{host}:5432:a:b:c\n"),
        Format::Pip => format!("[global]\nindex-url = {url}\n"),
        Format::Poetry => format!("[repositories.x]\nurl = \"{url}\"\n"),
        Format::Pulumi => format!("{{\"accessTokens\": {{\"https://{host}\": \"x\"}}}}\n"),
        Format::Pypirc => format!("[a]\nrepository = {url}\n"),
        Format::SshConfig => format!("Host {host}\n  Port 2222\n"),
        Format::Tea => format!("logins:\n- url: {url}\n"),
        Format::Terraform => format!("{{\"credentials\": {{\"{host}\": {{\"token\": \"x\"}}}}}}\n"),
        Format::Uv => format!("[[index]]\nurl = \"{url}\"\n"),
        Format::UvCredentials => format!("[[credential]]\nservice = \"{url}\"\n"),
        Format::Yarnrc => format!("registry \"{url}\"\n"),
        Format::YarnrcYml => format!("npmRegistryServer: \"{url}\"\n"),
    }
}
