//! Zones in which anyone can have a host: an allow-list that names one lets a thief in.

use super::host::HostPattern;

/// The zones; `*` stands for one label. From the thefts of 2025 and 2026, and from what providers document of their names.
const ZONES: &[&str] = &[
    // Storage and machines of clouds.
    "s3.amazonaws.com",
    "s3.*.amazonaws.com",
    "s3-website.*.amazonaws.com",
    "s3-accelerate.amazonaws.com",
    "execute-api.*.amazonaws.com",
    "*.elb.amazonaws.com",
    "elb.*.amazonaws.com",
    "*.compute.amazonaws.com",
    "compute-1.amazonaws.com",
    "lambda-url.*.on.aws",
    "cloudfront.net",
    "amplifyapp.com",
    "awsapprunner.com",
    "storage.googleapis.com",
    "appspot.com",
    "run.app",
    "*.run.app",
    "cloudfunctions.net",
    "web.app",
    "firebaseapp.com",
    "firebaseio.com",
    "pkg.dev",
    "*.pkg.dev",
    "blob.core.windows.net",
    "*.core.windows.net",
    "*.web.core.windows.net",
    "azurewebsites.net",
    "cloudapp.net",
    "*.cloudapp.azure.com",
    "azurestaticapps.net",
    "azureedge.net",
    "azurecr.io",
    "trafficmanager.net",
    "digitaloceanspaces.com",
    "*.digitaloceanspaces.com",
    "ondigitalocean.app",
    "linodeobjects.com",
    "*.linodeobjects.com",
    "backblazeb2.com",
    "*.backblazeb2.com",
    "r2.dev",
    "r2.cloudflarestorage.com",
    "aliyuncs.com",
    "*.aliyuncs.com",
    // Hosting.
    "github.io",
    "gitlab.io",
    "bitbucket.io",
    "codeberg.page",
    "vercel.app",
    "netlify.app",
    "pages.dev",
    "workers.dev",
    "*.workers.dev",
    "herokuapp.com",
    "onrender.com",
    "fly.dev",
    "railway.app",
    "up.railway.app",
    "deno.dev",
    "glitch.me",
    "repl.co",
    "replit.app",
    "surge.sh",
    "hf.space",
    "jfrog.io",
    "icp0.io",
    "ic0.app",
    // Tunnels, hooks and pastes.
    "ngrok.io",
    "ngrok.app",
    "ngrok-free.app",
    "trycloudflare.com",
    "loca.lt",
    "serveo.net",
    "pinggy.link",
    "webhook.site",
    "requestcatcher.com",
    "m.pipedream.net",
    "oast.fun",
    "oast.pro",
    "oastify.com",
    "burpcollaborator.net",
    "interact.sh",
];

/// A zone in which anyone can have a host, of which `pattern` lets hosts in.
pub(super) fn zone_of(pattern: &HostPattern) -> Option<&'static str> {
    let base: Vec<&str> = pattern.wildcard()?.split('.').collect();
    if base.len() == 1 {
        return Some("a whole top-level domain");
    }
    ZONES.iter().copied().find(|zone| {
        let zone: Vec<&str> = zone.split('.').collect();
        let (len, over) = (base.len(), zone.len().checked_sub(base.len()));
        // The zone itself, or one below what is meant with everything below.
        let same = |zone: &[&str]| zone.iter().zip(&base).all(|(zone, own)| *zone == "*" || zone == own);
        match over {
            Some(0) => same(&zone),
            Some(over) => pattern.is_deep() && same(&zone[over..over + len]),
            None => false,
        }
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]

    use super::*;

    #[test]
    fn who_can_have_a_host_is_told() {
        let zone = |text: &str| zone_of(&HostPattern::parse(text).unwrap());
        for open in [
            "*.s3.amazonaws.com",
            "*.s3.eu-west-1.amazonaws.com",
            "**.amazonaws.com",
            "*.github.io",
            "**.workers.dev",
            "**.core.windows.net",
            "*.blob.core.windows.net",
            "*.com",
            "**.io",
        ] {
            assert!(zone(open).is_some(), "{open}");
        }
        for owned in [
            "*.amazonaws.com",
            "my-bucket.s3.amazonaws.com",
            "**.my-bucket.s3.amazonaws.com",
            "me.github.io",
            "*.example.com",
            "**.corp.example",
            "*.npmjs.org",
        ] {
            assert_eq!(zone(owned), None, "{owned}");
        }
    }

    #[test]
    fn every_zone_is_a_name() {
        for zone in ZONES {
            let plain = zone.replace('*', "x");
            assert!(HostPattern::parse(&plain).is_ok(), "{zone}");
        }
    }
}
