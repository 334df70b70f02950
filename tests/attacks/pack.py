# Packing that several thefts share: a session key, the loot under it, the key under an RSA key of the test's own.
import os
import subprocess


def pack(directory, collected):
    def at(name):
        return os.path.join(directory, name)

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, stderr=subprocess.DEVNULL)

    # In hex: openssl takes the first line for the key and refuses one that begins with NUL, as one random key in 256 does.
    openssl("rand", "-hex", "-out", at("session.key"), "32")
    openssl("enc", "-aes-256-cbc", "-pbkdf2", "-pass", "file:" + at("session.key"), "-in", collected, "-out", at("payload.enc"))
    openssl("pkeyutl", "-encrypt", "-pubin", "-inkey", os.environ["PUBKEY"], "-pkeyopt", "rsa_padding_mode:oaep",
            "-in", at("session.key"), "-out", at("session.key.enc"))
    archive = at("tpcp.tar.gz")
    subprocess.run(["tar", "-czf", archive, "-C", directory, "payload.enc", "session.key.enc"], check=True)
    return archive
