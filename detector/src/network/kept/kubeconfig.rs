//! Clusters of a kubeconfig (Kubernetes reference, "kubeconfig (v1)").

use super::{
    document,
    place::{Kept, Places},
};
use serde::Deserialize;

#[derive(Deserialize)]
struct File {
    clusters: Option<Vec<Named>>,
}

#[derive(Deserialize)]
struct Named {
    cluster: Option<Cluster>,
}

/// Its `proxy-url` is no place: what goes through it is sealed.
#[derive(Deserialize)]
struct Cluster {
    server: Option<String>,
}

pub(super) fn read(text: &str, places: &mut Places) {
    let clusters = document::yaml::<File>(text).and_then(|file| file.clusters);
    let servers = clusters.into_iter().flatten().filter_map(|named| named.cluster?.server);
    servers.for_each(|server| places.add(Kept::url(&server)));
}

#[cfg(test)]
mod tests {
    use super::super::{Format::Kubeconfig, hostile};

    #[test]
    fn servers_are_places_and_proxies_are_not() {
        let text = "apiVersion: v1\nkind: Config\nclusters:\n- name: a\n  cluster:\n    server: https://a.test:6443\n    \
            proxy-url: https://proxy.test\n    certificate-authority-data: eA==\n- name: b\n  cluster: {server: \
            \"https://[2001:db8::1]:6443\"}\n- cluster: {server: https://127.0.0.1:6443}\n- cluster: null\nusers:\n- name: \
            x\n  user: {token: y, exec: {command: z, args: [get-token], env: null}}\ncurrent-context: a\n";
        hostile::named(Kubeconfig, text, &["a.test:6443", "2001:db8::1:6443"]);
        hostile::named(Kubeconfig, r#"{"clusters":[{"cluster":{"server":"https://a.test"}}]}"#, &["a.test:443"]);
        hostile::named(Kubeconfig, "clusters: []\n", &[]);
        hostile::named(Kubeconfig, "clusters: null\n", &[]);
    }

    #[test]
    fn an_alias_names_nothing() {
        hostile::named(Kubeconfig, "a: &a https://a.test\nclusters:\n- cluster: {server: *a}\n", &[]);
        let bomb = format!(
            "a: &a [{}]\nclusters:\n- cluster: {{server: https://a.test, x: [{}]}}\n",
            "x,".repeat(999),
            "*a,".repeat(999)
        );
        hostile::named(Kubeconfig, &bomb, &[]);
    }

    #[test]
    fn hostile_edits() {
        let file = |url: &str| format!("clusters:\n- cluster:\n    server: '{url}'\n  name: x\n");
        hostile::edits(Kubeconfig, |host| file(&format!("https://{host}:6443")));
        hostile::hosts(Kubeconfig, |host| file(&format!("https://{host}/")));
        hostile::urls(Kubeconfig, file);
    }
}
