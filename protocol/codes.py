"""The one table of error codes: the word, what it means, and what to do about it.

Doors print from here; docs/errors.md is generated from here. A code never changes once released, its
words may. Rows are grouped by the part that raises them, in the order the checks run.

What it means is the same for everybody, and says so in words for somebody who knows no cryptography. What to
do may depend on who reads it: then the row ends with the words for those readers.
"""

from collections.abc import Mapping
from enum import StrEnum


class Audience(StrEnum):
    """Who reads an error: each door knows whom it speaks to."""

    HOLDER = "holder"  # whose wallet it is
    ISSUER = "issuer"  # who runs an institution
    VERIFIER = "verifier"  # who runs a verifier
    OPERATOR = "operator"  # who runs a ledger
    DEVELOPER = "developer"  # whose program asks one of our services


class Code(StrEnum):
    """A stable error code; the value is the word on the wire, in logs and in `--json`.

    Attributes:
        meaning: What happened and what that means, in one sentence.
        remedy: What to do about it, for whoever has no words of their own.
        remedies: The same for particular readers. Only these name commands, and only those of the reader.
    """

    meaning: str
    remedy: str
    remedies: Mapping[Audience, str]

    def __new__(
        cls, word: str, meaning: str, remedy: str, remedies: Mapping[Audience, str] | None = None
    ) -> "Code":
        """Make a member that is its word and carries its explanation."""
        member = str.__new__(cls, word)
        member._value_ = word
        member.meaning = meaning
        member.remedy = remedy
        member.remedies = remedies or {}
        return member

    def remedy_for(self, audience: Audience) -> str:
        """What `audience` can do about it."""
        return self.remedies.get(audience, self.remedy)

    # Reading: bytes, JSON, base64, numbers
    FORMAT_INVALID = (
        "format_invalid",
        "The text does not have the form it must have.",
        "If it is yours, correct it; else ask whoever made it for a correct one.",
    )
    SIZE_EXCEEDED = (
        "size_exceeded",
        "It is larger than any honest one needs to be.",
        "Make it smaller, or ask whoever made it for a smaller one.",
    )
    ENCODING_INVALID = (
        "encoding_invalid",
        "Encoded text (base64url, base64 or base58) is not in its one correct spelling.",
        "It was damaged or altered on the way: ask for a fresh copy.",
    )
    TEXT_INVALID = (
        "text_invalid",
        "The text is not clean UTF-8.",
        "If it is yours, save it as UTF-8 without a byte order mark; else ask whoever made it to.",
    )
    JSON_INVALID = (
        "json_invalid",
        "The text is not JSON.",
        "If it is yours, correct it; else ask whoever made it for a correct one.",
    )
    JSON_DUPLICATE_MEMBER = (
        "json_duplicate_member",
        "The same name stands twice in a JSON object, so two readers could see different things.",
        "If it is yours, remove one; else do not use it: somebody may have tampered with it.",
    )
    JSON_NUMBER = (
        "json_number",
        "A number in the JSON is not one that all readers understand alike.",
        "Keep integers within 2^53-1, and leave out NaN and infinity.",
    )
    JSON_DEPTH = (
        "json_depth",
        "The JSON is nested deeper than any honest document.",
        "Do not use it; it looks made to exhaust the reader.",
    )
    MEMBER_MISSING = (
        "member_missing",
        "A part that must be there is missing.",
        "If it is yours, add it; else ask whoever made it for a complete one.",
    )
    MEMBER_INVALID = (
        "member_invalid",
        "A part of it is of the wrong kind, or has a value that is not allowed.",
        "If it is yours, correct it; else ask whoever made it for a correct one.",
    )

    # Keys and signatures
    KEY_INVALID = (
        "key_invalid",
        "The key is not one that signatures may be checked with.",
        "Ask its owner for a proper Ed25519 or P-256 public key.",
    )
    ALGORITHM_NOT_ALLOWED = (
        "algorithm_not_allowed",
        "The signature is of a kind that is not allowed here, or does not fit the key.",
        "Ask the signer to use Ed25519 (EdDSA) or ES256.",
    )
    TYPE_MISMATCH = (
        "type_mismatch",
        "Something signed for one purpose was given where another is expected.",
        "Use the right one; what was made for another purpose is never accepted.",
    )
    CRITICAL_HEADER = (
        "critical_header",
        "The token demands an extension that is not understood here.",
        "Ask the signer for one without critical extensions.",
    )
    KEY_SOURCE_FORBIDDEN = (
        "key_source_forbidden",
        "It brings, or points to, the very key it wants to be checked with.",
        "Do not trust it; anybody can bring a key of their own.",
    )
    SIGNATURE_INVALID = (
        "signature_invalid",
        "The signature does not match: the content was altered, or another key signed it.",
        "Do not trust it; ask for a fresh copy from the source.",
    )

    # Issuers and trust
    ISSUER_NOT_TRUSTED = (
        "issuer_not_trusted",
        "The policy does not trust this issuer for this type of credential.",
        "Ask for a credential of a trusted issuer.",
        {
            Audience.VERIFIER: "If you know this issuer, use `tally verifier trust TYPE DID`.",
        },
    )
    ISSUER_KEY_NOT_AUTHORIZED = (
        "issuer_key_not_authorized",
        "The key that signed is not, or was no longer, one of the issuer's keys for issuing.",
        "Do not trust it; only its issuer can give out a good one.",
        {
            Audience.VERIFIER: "Ask the holder to get the credential again from its issuer.",
        },
    )
    KEY_COMPROMISED = (
        "key_compromised",
        "The key that signed was in other hands by then: its owner marked it on the ledger.",
        "Do not trust it; anybody may have signed it.",
        {
            Audience.HOLDER: "Ask the issuer for the credential again, signed with its new key.",
            Audience.VERIFIER: "Ask the holder to get the credential again from its issuer.",
        },
    )

    # Disclosures and claims
    DISCLOSURE_MALFORMED = (
        "disclosure_malformed",
        "A fact of the credential, or its digest, does not have the form it must have.",
        "Ask for a fresh copy; it was altered, or made by faulty software.",
    )
    DISCLOSURE_UNREFERENCED = (
        "disclosure_unreferenced",
        "A fact was sent that the issuer did not sign.",
        "Do not trust it; it was changed or added after signing.",
    )
    DISCLOSURE_REPEATED = (
        "disclosure_repeated",
        "The same fact was sent twice.",
        "Ask the sender to present it again with correct software.",
    )
    DIGEST_REPEATED = (
        "digest_repeated",
        "Two places of the credential stand for the same hidden fact (the same digest).",
        "Do not trust it; ask the issuer for a correct credential.",
    )
    DISCLOSURE_LIMIT_EXCEEDED = (
        "disclosure_limit_exceeded",
        "There are more, larger or deeper hidden facts than any honest credential needs.",
        "Do not use it; it looks made to exhaust the reader.",
    )
    CLAIM_NAME_RESERVED = (
        "claim_name_reserved",
        "A claim has a name that belongs to the format itself.",
        "Do not trust it; it tries to change how the credential is read.",
        {
            Audience.ISSUER: "Give the claim another name, in claims.schema.json and in type_metadata.json.",
        },
    )
    CLAIM_NAME_COLLISION = (
        "claim_name_collision",
        "A fact that was sent would replace another claim of the same name.",
        "Do not trust it; it tries to change a signed claim.",
    )
    CLAIM_NOT_DISCLOSABLE = (
        "claim_not_disclosable",
        "A claim that the checks depend on can be hidden in this credential.",
        "Ask the issuer for a credential that states it openly.",
    )
    HASH_ALGORITHM_NOT_ALLOWED = (
        "hash_algorithm_not_allowed",
        "The hash function that hides the facts is not allowed, or named in the wrong place.",
        "Ask the issuer to use sha-256, sha-384 or sha-512.",
    )
    CLAIM_MISSING = (
        "claim_missing",
        "A claim that must be there is missing.",
        "Ask for a credential that holds it.",
    )
    CLAIM_INVALID = (
        "claim_invalid",
        "A claim is of the wrong kind, or has an impossible value.",
        "Ask whoever made it for a correct one.",
    )
    EXPIRED = (
        "expired",
        "Its time of validity is over.",
        "A new one is needed from whoever made it.",
        {
            Audience.HOLDER: "Get a new one from its issuer.",
            Audience.VERIFIER: "Ask the holder to get a new one from its issuer.",
        },
    )
    NOT_YET_VALID = (
        "not_yet_valid",
        "Its time of validity has not begun.",
        "Wait until it is valid, or check the clock of this machine.",
    )
    TYPE_METADATA_INVALID = (
        "type_metadata_invalid",
        "The credential breaks the rules of its type, or the type itself is faulty.",
        "Ask the issuer to correct the credential or its type.",
        {
            Audience.ISSUER: "Correct the type; the detail says what is wrong.",
        },
    )
    SALT_UNSAFE = (
        "salt_unsafe",
        "A salt is too short or was used before, so a hidden claim could be guessed.",
        "Use a fresh random salt of 128 bits for every claim.",
    )

    # Key binding
    KEY_BINDING_MISSING = (
        "key_binding_missing",
        "Nothing proves that whoever presents the credential holds its key.",
        "Ask the holder to present it from their own wallet.",
    )
    KEY_BINDING_UNEXPECTED = (
        "key_binding_unexpected",
        "It is a presentation (signed by the holder), where a bare credential is expected.",
        "Send the credential without the holder's signature (key binding).",
        {
            Audience.VERIFIER: "Give --nonce and --audience, so that it is checked as a presentation.",
        },
    )
    HOLDER_KEY_INVALID = (
        "holder_key_invalid",
        "The credential does not name exactly one usable key of its holder.",
        "Ask the issuer for a credential bound to the holder's key.",
    )
    KEY_BINDING_SIGNATURE_INVALID = (
        "key_binding_signature_invalid",
        "The presentation was not signed with the key that the credential is bound to.",
        "Do not trust it; someone else may be presenting a copied credential.",
    )
    NONCE_MISMATCH = (
        "nonce_mismatch",
        "It was not made for this request.",
        "Do not use it; ask for an answer to this request.",
        {
            Audience.HOLDER: "Do not answer; ask the verifier for a new request.",
        },
    )
    AUDIENCE_MISMATCH = (
        "audience_mismatch",
        "It was made for somebody else.",
        "Do not use it; it may have been passed on.",
        {
            Audience.VERIFIER: "Do not use it; it may have been passed on. Ask the holder to present to you.",
            Audience.HOLDER: "Do not answer; it was meant for somebody else, or made by faulty software.",
        },
    )
    KEY_BINDING_NOT_FRESH = (
        "key_binding_not_fresh",
        "The presentation is older, or newer, than the policy allows.",
        "Ask the holder to present again, and check the clocks on both sides.",
    )
    PRESENTATION_HASH_MISMATCH = (
        "presentation_hash_mismatch",
        "The holder signed another set of facts than the one that was sent.",
        "Do not trust it; something was added or removed on the way.",
    )
    TRANSACTION_DATA_MISMATCH = (
        "transaction_data_mismatch",
        "The holder did not confirm exactly the transaction that was asked.",
        "Start the transaction again.",
    )

    # Status
    STATUS_SIGNATURE_INVALID = (
        "status_signature_invalid",
        "The status list, which says what was revoked, is not signed by the issuer.",
        "Try again later; tell the issuer if it stays so.",
    )
    STATUS_SUBJECT_MISMATCH = (
        "status_subject_mismatch",
        "The status list, which says what was revoked, is another one than the credential names.",
        "Try again later; tell the issuer if it stays so.",
    )
    STATUS_EXPIRED = (
        "status_expired",
        "The status list, which says what was revoked, is out of date.",
        "Try again when the issuer has published a new one.",
    )
    STATUS_ROLLBACK = (
        "status_rollback",
        "The status list, which says what was revoked, is older than one already seen.",
        "Do not rely on it; tell the issuer.",
    )
    STATUS_LIST_MALFORMED = (
        "status_list_malformed",
        "The status list, which says what was revoked, cannot be read.",
        "Try again later; tell the issuer if it stays so.",
    )
    STATUS_INDEX_OUT_OF_RANGE = (
        "status_index_out_of_range",
        "The credential points outside its status list, which says what was revoked.",
        "Do not trust it; ask the issuer for a correct credential.",
    )
    STATUS_UNAVAILABLE = (
        "status_unavailable",
        "The status list could not be had, so nobody knows whether the credential was revoked.",
        "Try again later.",
        {
            Audience.VERIFIER: "Try again later, or decide in policy.toml what an unknown status is worth.",
        },
    )
    STATUS_LIST_MISSING = (
        "status_list_missing",
        "The status list, which says what was revoked, was not handed in, and it is not fetched.",
        "Ask for it where there is a network.",
        {
            Audience.VERIFIER: "Fetch it from its address, and give the file with --status-list.",
        },
    )
    STATUS_LIST_STALE = (
        "status_list_stale",
        "The status list, which says what was revoked, is older than the policy allows for a copy handed in.",
        "Ask for a fresh one where there is a network.",
    )
    STATUS_THEN_UNKNOWN = (
        "status_then_unknown",
        "No status list of that moment is at hand, so nobody can tell whether it was revoked then.",
        "Give the status list of that day, or ask whether it is revoked now.",
        {
            Audience.VERIFIER: "Give the list of that day with --status-list, or check without --at.",
        },
    )
    CREDENTIAL_REVOKED = (
        "credential_revoked",
        "The issuer has revoked this credential.",
        "It can no longer be used; its issuer knows why.",
    )
    CREDENTIAL_SUSPENDED = (
        "credential_suspended",
        "The issuer has suspended this credential.",
        "Try again later; only the issuer can reinstate it.",
        {
            Audience.HOLDER: "Only the issuer can reinstate it; ask how it stands now with `tally status`.",
        },
    )
    STATUS_UNKNOWN = (
        "status_unknown",
        "The credential has a status that is not understood here.",
        "Do not accept it; ask the issuer what it means.",
    )
    STATUS_INDEX_TAKEN = (
        "status_index_taken",
        "The status index belongs to another credential already.",
        "Allocate a fresh random index.",
    )
    STATUS_FINAL = (
        "status_final",
        "The credential was revoked, and stays so.",
        "Issue a new credential instead.",
        {
            Audience.ISSUER: "Make a new one with `tally issuer offer`.",
        },
    )

    # DIDs
    DID_INVALID = (
        "did_invalid",
        "The text is not a DID (did:...), or not a proper one of its kind.",
        "Check it for typing errors.",
    )
    DID_METHOD_UNSUPPORTED = (
        "did_method_unsupported",
        "DIDs of this kind, or of this version of it, are not supported.",
        "Use did:webvh, did:key or did:jwk.",
    )
    DID_NOT_FOUND = (
        "did_not_found",
        "Nothing is published under this DID.",
        "Check the DID, or try again later.",
        {
            Audience.ISSUER: (
                "Check the DID; if it is your own, ask the ledger's operator whether it was put back to an"
                " old copy."
            ),
            Audience.VERIFIER: "Check the DID; if it is your own, ask the ledger's operator about it.",
            Audience.OPERATOR: "Check the DID; `tally ledger show` lists those of a ledger of your own.",
        },
    )
    DID_SCID_MISMATCH = (
        "did_scid_mismatch",
        "The key history that was found is not the one of this DID.",
        "Do not trust it; someone put another history in its place.",
    )
    DID_CHAIN_BROKEN = (
        "did_chain_broken",
        "An entry of the DID's key history does not follow from the one before.",
        "Do not trust it; the history was altered or cut.",
    )
    DID_TIME_INVALID = (
        "did_time_invalid",
        "The times in the DID's key history do not rise, or lie in the future.",
        "Check the clock of this machine; else do not trust it.",
    )
    DID_PROOF_INVALID = (
        "did_proof_invalid",
        "An entry of the DID's key history is not properly signed.",
        "Do not trust it; the history was altered.",
    )
    DID_KEY_NOT_AUTHORIZED = (
        "did_key_not_authorized",
        "An entry of the DID's key history was signed by a key that may not change it.",
        "Do not trust it; someone tried to take the DID over.",
    )
    DID_PREROTATION_VIOLATED = (
        "did_prerotation_violated",
        "A new key of the DID is not one that its owner had committed to in advance.",
        "Do not trust it; someone tried to take the DID over.",
        {
            Audience.ISSUER: "These keys are too old: put the newest copy of keys.sealed back.",
            Audience.VERIFIER: "If it is your DID, put the newest keys.sealed back; else do not trust it.",
        },
    )
    DID_PARAMETERS_INVALID = (
        "did_parameters_invalid",
        "The DID's key history breaks the rules of did:webvh.",
        "Ask the owner to publish a correct history.",
    )
    DID_WITNESS_MISSING = (
        "did_witness_missing",
        "Not enough of the DID's own witnesses approved this entry of its key history.",
        "Wait until they have, or ask the owner.",
    )
    DID_DEACTIVATED = (
        "did_deactivated",
        "The owner has deactivated this DID.",
        "Nothing signed in its name should be accepted any more.",
    )
    DID_NOT_LOGGED_THEN = (
        "did_not_logged_then",
        "The issuer's DID was not on the ledger yet at that moment.",
        "Check the date; what an issuer signs before it is on the ledger counts for nothing.",
    )
    DID_DOCUMENT_INVALID = (
        "did_document_invalid",
        "What is published about this DID (its document) breaks the rules.",
        "Ask the owner to publish a correct document.",
    )
    DID_ROLLBACK = (
        "did_rollback",
        "The DID's key history is shorter than one already seen.",
        "Do not trust it; someone hides recent changes.",
    )
    DID_FORK = (
        "did_fork",
        "Two different key histories of the same DID exist.",
        "Do not trust either; keep both as evidence and tell the owner.",
    )

    # The log
    LEDGER_NOT_TRUSTED = (
        "ledger_not_trusted",
        "It depends on a ledger that is not trusted here.",
        "If you know who runs the ledger, trust it in the settings.",
        {
            Audience.HOLDER: "If you know who runs it, trust it with `tally trust URL`.",
            Audience.VERIFIER: "If you know who runs it, add a [[ledger]] to policy.toml.",
        },
    )
    LOG_PROOF_INVALID = (
        "log_proof_invalid",
        "The ledger's proof that an entry is in its log does not hold.",
        "Do not trust it; ask the ledger for a fresh proof.",
    )
    LOG_CONSISTENCY_INVALID = (
        "log_consistency_invalid",
        "The ledger's new state does not contain its old one: something was taken back.",
        "Stop trusting this ledger; keep both states as evidence.",
    )
    LOG_NOTE_MALFORMED = (
        "log_note_malformed",
        "The ledger's signed state (its checkpoint) cannot be read.",
        "Ask the ledger for a fresh one.",
    )
    LOG_ORIGIN_MISMATCH = (
        "log_origin_mismatch",
        "The signed state (checkpoint) is that of another ledger.",
        "Check which ledger the policy names.",
    )
    LOG_SIGNATURE_INVALID = (
        "log_signature_invalid",
        "A signature under the ledger's state (its checkpoint) does not match.",
        "Do not trust it; it was altered.",
    )
    LOG_QUORUM_MISSING = (
        "log_quorum_missing",
        "Not enough of the trusted cosigners stand behind the ledger's state (its checkpoint).",
        "Check the clock of this machine; if it is right, ask the ledger's operator.",
        {
            Audience.HOLDER: "Check the clock with `tally doctor`; if it is right, try again later.",
        },
    )
    LOG_POLICY_INVALID = (
        "log_policy_invalid",
        "The policy to trust a ledger by cannot be used.",
        "Correct it, or ask the ledger's operator for the right one.",
    )
    QUORUM_UNSAFE = (
        "quorum_unsafe",
        "Such a quorum would not survive as many cosigners that lie or are away as it must.",
        "Choose another number of those who must agree, or have more cosigners.",
        {
            Audience.OPERATOR: "Give another --quorum or more nodes; --survive says how much it must bear.",
        },
    )
    LOG_FORK = (
        "log_fork",
        "The ledger showed two different states of the same size.",
        "Stop trusting this ledger; keep both states as evidence.",
        {
            Audience.OPERATOR: "If it is yours, put the signed database back; else keep both as evidence.",
        },
    )
    FORK_EVIDENCE_MALFORMED = (
        "fork_evidence_malformed",
        "The file is not in the form of fork evidence.",
        "Ask whoever gave it to you for the whole file, unchanged.",
    )
    FORK_NOT_PROVEN = (
        "fork_not_proven",
        "The file does not prove that a log signed two histories.",
        "Accuse nobody by it; ask whoever gave it to you for both signed states (checkpoints).",
    )
    LOG_ROLLBACK = (
        "log_rollback",
        "The ledger shows an older state than one already seen.",
        "Try again later; if it stays so, tell its operator.",
        {
            Audience.OPERATOR: "If it is yours, put the newest database back, never an old `last-signed`.",
        },
    )
    LOG_READ_ONLY = (
        "log_read_only",
        "The ledger writes nothing until its nodes have said what they have seen of it.",
        "Try again later.",
        {
            Audience.OPERATOR: "See that its nodes run and can be reached; the log lists them.",
        },
    )
    LOG_LEASE_LOST = (
        "log_lease_lost",
        "Another front end of the ledger writes its log now.",
        "Submit it again; submitting twice is safe.",
        {
            Audience.OPERATOR: "Nothing: this front end waits for its turn again.",
        },
    )
    NODE_REFUSED = (
        "node_refused",
        "A node does not cosign the state of the ledger (its checkpoint).",
        "Ask the node's operator; its answer says why.",
    )
    LOG_UNPUBLISHED = (
        "log_unpublished",
        "The ledger has not published anything yet.",
        "Try again later.",
        {
            Audience.OPERATOR: "Run `tally ledger serve`: it publishes the first checkpoint when it starts.",
        },
    )
    LOG_STALE = (
        "log_stale",
        "The newest co-signed state of the ledger is older than the policy allows.",
        "Try again later; if it stays so, ask its operator whether it is alive.",
        {
            Audience.OPERATOR: "If it is yours, see that `tally ledger serve` runs; else tell its operator.",
        },
    )
    EVIDENCE_MISSING = (
        "evidence_missing",
        "There is no proof of what the ledger holds about the issuer, and none is asked without a network.",
        "Ask for it where there is a network.",
        {
            Audience.VERIFIER: "Get its .tally-proof where there is a network, and give it with --evidence.",
        },
    )
    MOMENT_NOT_COVERED = (
        "moment_not_covered",
        "The moment asked about is younger than the ledger's state, so nobody knows what holds then.",
        "Ask about an earlier moment, or get a newer proof.",
    )
    LOG_TILE_INVALID = (
        "log_tile_invalid",
        "A part of the ledger's log does not fit its signed state.",
        "Do not trust it; tell the ledger's operator.",
    )
    INDEX_PROOF_INVALID = (
        "index_proof_invalid",
        "The ledger's proof that this is all it holds about someone does not hold.",
        "Do not trust it; ask the ledger for a fresh proof.",
    )
    INDEX_ENTRY_INVALID = (
        "index_entry_invalid",
        "What the ledger states about its log and its index is not what it must be.",
        "Do not trust it; tell the ledger's operator.",
    )
    LOG_SELF_CHECK_FAILED = (
        "log_self_check_failed",
        "The stored log is no longer what was signed, so nothing more is signed.",
        "Tell the ledger's operator.",
        {
            Audience.OPERATOR: "Stop it and put back the newest database, but never an old `last-signed` or "
            "`last-cosigned`.",
        },
    )
    LOG_ENTRY_INADMISSIBLE = (
        "log_entry_inadmissible",
        "The log holds an entry that its own rules do not allow, so nothing after it is vouched for.",
        "Rely on nothing in this ledger that is newer; tell its operator.",
    )
    NODE_BEHIND = (
        "node_behind",
        "The node has not yet read everything that it is asked to vouch for.",
        "Ask it again in a moment: it goes on reading.",
    )
    MIRROR_DAMAGED = (
        "mirror_damaged",
        "The files of the mirror are not those of its signed state (checkpoint).",
        "Mirror the ledger into a new folder, and serve that one.",
    )
    ACCREDITATION_MISSING = (
        "accreditation_missing",
        "Nobody has accredited this institution for what it did.",
        "Ask the institution whose accreditation it has.",
    )
    ACCREDITATION_NOT_ROOTED = (
        "accreditation_not_rooted",
        "The accreditation does not come from the one you trust to give it.",
        "Trust the one it comes from too, if you want it to count.",
    )
    ACCREDITATION_INVALID = (
        "accreditation_invalid",
        "The accreditation gives more than the one who gave it has.",
        "Give no more types, no more time and no more depth than the accreditation it rests on has.",
    )
    ACCREDITATION_WITHDRAWN = (
        "accreditation_withdrawn",
        "The accreditation was withdrawn, or one it rests on.",
        "Ask whoever withdrew it; the detail says which one it is.",
    )
    ACCREDITATION_OUT_OF_TIME = (
        "accreditation_out_of_time",
        "The accreditation did not count at that time: not yet, or no longer.",
        "The institution needs a new accreditation; what was done in its time stays good.",
    )
    ACCREDITATIONS_TOO_MANY = (
        "accreditations_too_many",
        "The ledger holds more accreditations of this institution than anybody looks through.",
        "Tell the ledger's operator; most of them are not from anybody you trust.",
    )
    TYPE_METADATA_CHANGED = (
        "type_metadata_changed",
        "The type of the credential is not described by the document that the ledger has logged for it.",
        "Take the document that counts now; whoever described the type logs it anew when they change it.",
        {
            Audience.HOLDER: "Do not take the credential; ask its issuer to log what describes its type now.",
            Audience.ISSUER: "Log what describes the type now: `tally issuer type anchor`.",
        },
    )
    DOCUMENT_NOT_LOGGED = (
        "document_not_logged",
        "The proof does not show that the ledger has logged this very document.",
        "Use the proof of this document, and the document as it was, byte for byte.",
    )
    ENTRY_NOT_ADMITTED = (
        "entry_not_admitted",
        "The ledger does not admit this record.",
        "Correct the record; the detail says which rule it breaks.",
        {Audience.OPERATOR: "The detail says which rule it breaks; do not trust a ledger that logged it."},
    )
    ENTRY_TOO_LARGE = (
        "entry_too_large",
        "The record is larger than the ledger admits (16 KiB).",
        "Make the DID document smaller.",
    )
    WRITER_NOT_AUTHORIZED = (
        "writer_not_authorized",
        "Writing to this ledger needs an onboarding token of its operator.",
        "Ask the ledger's operator for a token.",
    )

    # OpenID4VCI
    OFFER_INVALID = (
        "offer_invalid",
        "The credential offer cannot be used.",
        "Ask the issuer for a new offer.",
    )
    OFFER_NOT_FOUND = (
        "offer_not_found",
        "There is no such offer: it was redeemed, has expired, or never was.",
        "Ask the issuer for a new offer.",
        {
            Audience.ISSUER: "List your offers with `tally issuer offers --all`.",
        },
    )
    OFFER_CLOSED = (
        "offer_closed",
        "The offer is not open any more.",
        "If it was redeemed, revoke its credential; else nothing needs to be done.",
    )
    ISSUER_METADATA_MISMATCH = (
        "issuer_metadata_mismatch",
        "What the issuer publishes about itself names another issuer than the offer.",
        "Do not go on; the offer may be a trap.",
    )
    GRANT_INVALID = (
        "grant_invalid",
        "The code is wrong, was used before, or has expired.",
        "Ask the issuer for a new offer.",
    )
    GRANT_TYPE_UNSUPPORTED = (
        "grant_type_unsupported",
        "Access tokens are not given for a grant of this type.",
        "Use the pre-authorized code of an offer, or a refresh token.",
    )
    TRANSACTION_CODE_REQUIRED = (
        "transaction_code_required",
        "The offer needs the transaction code that the issuer sent separately.",
        "Send it as tx_code.",
        {
            Audience.HOLDER: "Enter it with --tx-code.",
        },
    )
    TRANSACTION_CODE_WRONG = (
        "transaction_code_wrong",
        "The transaction code is wrong.",
        "While tries are left, take the code as it was sent to you; after the last, ask for a new offer.",
    )
    ACCESS_TOKEN_INVALID = (
        "access_token_invalid",
        "The access token is missing, wrong or has expired.",
        "Start again from the offer.",
        {
            Audience.HOLDER: "The issuer holds it for you no longer. Ask for a new offer.",
        },
    )
    SCOPE_INSUFFICIENT = (
        "scope_insufficient",
        "The access token is good for another type of credential.",
        "Ask for the type that was offered.",
    )
    CREDENTIAL_REQUEST_INVALID = (
        "credential_request_invalid",
        "The credential request cannot be answered as it is.",
        "Correct the request; the detail says what is wrong.",
    )
    CREDENTIAL_CONFIGURATION_UNKNOWN = (
        "credential_configuration_unknown",
        "The issuer does not offer this type of credential.",
        "Look at the issuer's metadata for what it offers.",
        {
            Audience.HOLDER: "Ask the issuer for a new offer.",
        },
    )
    CREDENTIAL_IDENTIFIER_UNKNOWN = (
        "credential_identifier_unknown",
        "The access token does not stand for a credential of this name.",
        "Use a name from the answer that brought the access token.",
    )
    ENCRYPTION_UNSUPPORTED = (
        "encryption_unsupported",
        "An encrypted answer was asked for, and none is offered.",
        "Ask again without encryption; the connection is encrypted.",
    )
    PROOF_INVALID = (
        "proof_invalid",
        "The proof of possession of the holder's key is not acceptable.",
        "Make a fresh proof for this issuer.",
        {
            Audience.HOLDER: "Look whether this machine's clock is right, and go on with `tally add`.",
        },
    )
    PROOF_NONCE_INVALID = (
        "proof_nonce_invalid",
        "The nonce in the proof is unknown, used or too old.",
        "Fetch a new nonce and prove again.",
    )
    NOTIFICATION_INVALID = (
        "notification_invalid",
        "The notification cannot be matched to an issuance.",
        "Nothing needs to be done.",
    )
    CREDENTIAL_UNACCEPTABLE = (
        "credential_unacceptable",
        "The issuer sent a credential that is not what was offered and asked for.",
        "It was not kept. Tell the issuer.",
    )
    ISSUANCE_REFUSED = (
        "issuance_refused",
        "The issuer refused to issue the credential.",
        "Ask the issuer why; the detail repeats its answer.",
    )

    # OpenID4VP
    REQUEST_INVALID = (
        "request_invalid",
        "The request cannot be answered as it is.",
        "Correct the request; the detail says what is wrong.",
        {
            Audience.HOLDER: "Ask whoever wants to know for a correct request.",
        },
    )
    REQUEST_CLIENT_UNVERIFIED = (
        "request_client_unverified",
        "Who asks could not be established.",
        "Do not answer; ask for a properly signed request.",
    )
    REQUEST_OVERASKS = (
        "request_overasks",
        "The request asks for more than it seems to need.",
        "Ask for less, or say why it is needed.",
        {
            Audience.HOLDER: "Look at it with `tally present` in a terminal, without --yes, and decide.",
        },
    )
    REQUEST_EXPIRED = (
        "request_expired",
        "The request is too old.",
        "Ask the verifier for a new one.",
        {
            Audience.VERIFIER: "Start a new one with `tally verifier request`.",
        },
    )
    REQUEST_NOT_FOUND = (
        "request_not_found",
        "There is no such request.",
        "Ask the verifier for a new one.",
        {
            Audience.VERIFIER: "Check its id; `tally verifier request` starts a new one.",
            Audience.DEVELOPER: "Check its id or address; what was deleted is gone.",
        },
    )
    QUERY_INVALID = (
        "query_invalid",
        "What is asked for is not put in a way that wallets understand (DCQL).",
        "Correct the query; the detail says what is wrong.",
        {
            Audience.HOLDER: "Ask whoever wants to know for a correct request.",
        },
    )
    QUERY_NOT_SATISFIED = (
        "query_not_satisfied",
        "What was presented is not what was asked for.",
        "Ask the holder to answer the request again.",
        {
            Audience.DEVELOPER: "Present everything that was asked for, in the types that were asked for.",
        },
    )
    NOTHING_MATCHES = (
        "nothing_matches",
        "No credential in the wallet answers this request.",
        "Get the credential that is missing, then answer again.",
        {
            Audience.HOLDER: "Get what is missing from its issuer; `tally list` shows what you have.",
        },
    )
    RESPONSE_INVALID = (
        "response_invalid",
        "The response cannot be read.",
        "Correct the response; the detail says what is wrong.",
        {
            Audience.VERIFIER: "Ask the holder to answer the request again.",
        },
    )
    PRESENTATION_REPLAYED = (
        "presentation_replayed",
        "This request has been answered already.",
        "Start a new request.",
        {
            Audience.HOLDER: "If that was you, all is done; if not, tell the verifier.",
        },
    )
    HOLDER_DECLINED = (
        "holder_declined",
        "The holder declined the request, or the wallet could not answer it.",
        "Ask the holder; to try again, start a new request.",
    )
    RESPONSE_CODE_INVALID = (
        "response_code_invalid",
        "The response code is missing, wrong, too late or was used before.",
        "Start a new request in the browser that will answer it.",
        {
            Audience.HOLDER: "Go back to the page you came from, and begin again in this browser.",
        },
    )
    TRANSACTION_DATA_UNSUPPORTED = (
        "transaction_data_unsupported",
        "The request asks to confirm a transaction, which this wallet cannot do.",
        "Do not answer; use a wallet made for it.",
    )
    RESPONSE_REFUSED = (
        "response_refused",
        "The verifier did not accept the response.",
        "The detail repeats its answer; to try again, ask for a new request.",
    )
    PRESENTATION_UNCONFIRMED = (
        "presentation_unconfirmed",
        "Nobody knows whether the presentation arrived.",
        "Ask the verifier. Nothing is sent a second time by itself.",
    )

    # Fetching
    NETWORK_SCHEME_FORBIDDEN = (
        "network_scheme_forbidden",
        "Only https addresses are fetched.",
        "Ask for an https address.",
    )
    NETWORK_HOST_FORBIDDEN = (
        "network_host_forbidden",
        "The address points to a place that must not be reached from here.",
        "Do not follow it; it may try to reach into your network.",
    )
    NETWORK_REDIRECT_FORBIDDEN = (
        "network_redirect_forbidden",
        "The server sent the request elsewhere, which is not followed.",
        "Ask for the final address.",
    )
    NETWORK_TOO_LARGE = (
        "network_too_large",
        "The server's answer is larger than allowed.",
        "Try again later; tell its operator if it stays so.",
    )
    NETWORK_TIMEOUT = (
        "network_timeout",
        "The server's answer took too long.",
        "Try again later.",
    )
    NETWORK_TLS_INVALID = (
        "network_tls_invalid",
        "The server could not prove who it is.",
        "Do not go on; tell its operator.",
    )
    NETWORK_CONTENT_TYPE = (
        "network_content_type",
        "The server's answer is of another kind than expected.",
        "Check the address.",
    )
    NETWORK_UNREACHABLE = (
        "network_unreachable",
        "The server could not be reached.",
        "Check the address and the connection, then try again.",
        {
            Audience.ISSUER: "Check the address; if the server is yours, run `tally issuer serve`.",
            Audience.VERIFIER: "Check the address; if the server is yours, run `tally verifier serve`.",
            Audience.OPERATOR: "Check the address; if the server is yours, run `tally ledger serve`.",
        },
    )
    NETWORK_LEDGER_UNREACHABLE = (
        "network_ledger_unreachable",
        "The ledger could not be reached.",
        "Check its address and the connection; once it is back, do the same again.",
        {
            Audience.ISSUER: "Ask its operator whether it runs; once it does, call the same command again.",
            Audience.VERIFIER: "Ask its operator whether it runs; once it does, call the same command again.",
            Audience.OPERATOR: "Check the address; if the ledger is yours, run `tally ledger serve`.",
        },
    )
    NETWORK_STATUS = (
        "network_status",
        "The server answered with an error.",
        "Try again later; tell its operator if it stays so.",
    )
    NETWORK_BUSY = (
        "network_busy",
        "The server has too much to do.",
        "Try again later.",
    )

    # Storage and the wallet's vault
    VAULT_MISSING = (
        "vault_missing",
        "What should be opened is not there.",
        "Set it up first, or set TALLY_HOME to where it is.",
        {
            Audience.HOLDER: "Make a wallet with `tally init`, or set TALLY_HOME to where yours is.",
            Audience.ISSUER: "Run `tally issuer init`, or set TALLY_HOME to where that was done.",
            Audience.VERIFIER: "Run `tally verifier init`, or set TALLY_HOME to where that was done.",
            Audience.OPERATOR: "Run `tally ledger init` or `tally ledger node init`, or set TALLY_HOME to "
            "where that was done.",
        },
    )
    VAULT_EXISTS = (
        "vault_exists",
        "There is something here already, and it is not overwritten.",
        "Choose another place; remove the old one only if you are sure that nobody needs it.",
    )
    VAULT_DAMAGED = (
        "vault_damaged",
        "The file was damaged or altered.",
        "Put a good copy of it back.",
        {
            Audience.HOLDER: "Put a good copy back, or move it away and run `tally backup restore FILE`.",
        },
    )
    VAULT_VERSION = (
        "vault_version",
        "The file was written by a version this program does not know.",
        "Update Tallystick.",
    )
    VAULT_PARAMETERS = (
        "vault_parameters",
        "The file wants a weaker or costlier unlocking than is allowed.",
        "Do not use it; put a good copy of it back.",
    )
    PASSPHRASE_WRONG = (
        "passphrase_wrong",
        "That passphrase does not open it.",
        "Try again; nobody can reset it.",
        {
            Audience.HOLDER: "Try again; if it is forgotten, use your 24 words: `tally passwd --recover`.",
        },
    )
    PASSPHRASE_TOO_SHORT = (
        "passphrase_too_short",
        "A new passphrase has at least 8 characters.",
        "Nothing was changed. Take a longer one: a few words are easy to remember.",
    )
    PASSPHRASE_UNREPEATED = (
        "passphrase_unrepeated",
        "The two passphrases are not alike.",
        "Nothing was changed. Try again, and type the same one twice.",
    )
    AGENT_UNAVAILABLE = (
        "agent_unavailable",
        "The agent, which keeps a wallet open, does not do what it should.",
        "Use the passphrase instead; the detail says what happened.",
        {
            Audience.HOLDER: "Give the passphrase instead, or end the agent with `tally agent stop`.",
        },
    )
    VAULT_LOCKED = (
        "vault_locked",
        "Another process is using it.",
        "Close the other one first.",
    )
    VAULT_CHANGED = (
        "vault_changed",
        "Another process changed it in the meantime.",
        "Start again and repeat the change.",
    )
    VAULT_FULL = (
        "vault_full",
        "The wallet cannot hold any more.",
        "Remove credentials that are no longer needed.",
        {Audience.HOLDER: "Remove credentials you no longer need: `tally remove`."},
    )
    VAULT_PERMISSIONS = (
        "vault_permissions",
        "Others on this machine could read or replace it.",
        "Make it yours alone: `chmod 700` for a folder, `chmod 600` for a file.",
    )
    FOLDER_NOT_WRITABLE = (
        "folder_not_writable",
        "You may not write to the folder where this is kept.",
        "Make the folder yours (`chown`, then `chmod 700`), or set TALLY_HOME to one that is.",
    )
    VAULT_ROLLBACK = (
        "vault_rollback",
        "The file is older than the one last used here.",
        "Put its newest copy back; an older one must not be used any more.",
        {
            Audience.HOLDER: "Put the newest copy back, or take this one: `tally doctor --accept-rollback`.",
        },
    )
    DISK_FULL = (
        "disk_full",
        "The disk is full; what was there before is intact.",
        "Make room and try again.",
    )
    DISK_ERROR = (
        "disk_error",
        "The disk reported an error; what was there before is intact.",
        "Check the disk before you go on.",
    )
    DATABASE_BUSY = (
        "database_busy",
        "The database was busy with other work for too long.",
        "Try again; nothing was changed.",
    )
    DATABASE_REFUSED = (
        "database_refused",
        "The database server does not let this service work.",
        "Correct what the detail names: the user, its password or rights, or a setting of the server.",
        {
            Audience.DEVELOPER: "Tell the service's operator.",
        },
    )
    DATABASE_UNAVAILABLE = (
        "database_unavailable",
        "The database server cannot be reached, or cannot work now.",
        "Wait until it is back. Look whether the last change was made before you make it again.",
    )
    DATABASE_DAMAGED = (
        "database_damaged",
        "The database is damaged.",
        "Stop the server and put back the newest good copy of the database.",
        {
            Audience.DEVELOPER: "Tell the service's operator.",
        },
    )
    RECOVERY_PHRASE_INVALID = (
        "recovery_phrase_invalid",
        "These are not the 24 recovery words.",
        "Check the spelling and the order of the words.",
    )
    BACKUP_DAMAGED = (
        "backup_damaged",
        "This is no backup, or it was damaged or altered.",
        "Choose another copy of the backup.",
    )
    BACKUP_OF_ANOTHER_WALLET = (
        "backup_of_another_wallet",
        "The backup is of another wallet: its keys come from other words than those of the one here.",
        "Nothing was changed. Restore it where there is no wallet: set TALLY_HOME to another folder.",
    )
    PARTY_BLOCKED = (
        "party_blocked",
        "You blocked this party, so nothing is sent to it and nothing taken from it.",
        "If you changed your mind, take the mark away.",
        {
            Audience.HOLDER: "If you changed your mind, take the mark away with `tally party unmark`.",
        },
    )
    PARTY_CHANGED = (
        "party_changed",
        "Somebody else than before answers at this host: the party has another identity now, or is imitated.",
        "Ask them another way whether it is theirs; go on only then.",
        {
            Audience.HOLDER: "Ask them another way whether it is theirs; only then forget the old one with "
            "`tally party forget`.",
        },
    )
    CREDENTIAL_NOT_FOUND = (
        "credential_not_found",
        "There is no such credential here.",
        "Check its id.",
        {
            Audience.HOLDER: "See what you have with `tally list`.",
            Audience.ISSUER: "See what was issued with `tally issuer list`.",
            Audience.DEVELOPER: "GET /manage/credentials lists what was issued.",
        },
    )
    COPIES_USED_UP = (
        "copies_used_up",
        "Every copy of this credential has been used once.",
        "Ask the issuer for a new offer, which brings new copies.",
    )
    REFILL_REFUSED = (
        "refill_refused",
        "The issuer gives no further copies of this credential.",
        "Keep what you have, or ask the issuer for a new offer.",
    )

    # Links, pictures and files for the wallet
    QR_READER_MISSING = (
        "qr_reader_missing",
        "What reads QR codes from pictures is not installed.",
        "Install it with `pip install 'tallystick[scan]'`, or use the link.",
    )
    PICTURE_INVALID = (
        "picture_invalid",
        "This is not a picture that can be read here.",
        "Give a whole PNG, JPEG, WebP or GIF.",
    )
    QR_CODE_MISSING = (
        "qr_code_missing",
        "The picture does not show one QR code for the wallet.",
        "Take it again with one whole code and its border, or use the link.",
    )
    SYSTEM_UNSUPPORTED = (
        "system_unsupported",
        "This cannot be done on a system of this kind.",
        "The detail says what it would need.",
    )
    ACTIVITY_EXPORT_INVALID = (
        "activity_export_invalid",
        "The file is no exported history, or is not as it was written.",
        "Do not rely on it; ask for the file as `activity export` wrote it.",
    )

    # Roles and doors
    CLAIMS_INVALID = (
        "claims_invalid",
        "The claims do not fit the type of credential.",
        "Correct them; the detail names the place and the reason.",
    )
    CREDENTIAL_TYPE_UNKNOWN = (
        "credential_type_unknown",
        "There is no such credential type here.",
        "Check its name.",
        {
            Audience.ISSUER: "See yours with `tally issuer type list`; `tally issuer type add` adds one.",
            Audience.DEVELOPER: "GET /manage/types lists them.",
        },
    )
    MANAGEMENT_KEY_INVALID = (
        "management_key_invalid",
        "The management key is missing or wrong.",
        "Use the key that `init` made.",
        {
            Audience.ISSUER: "Set TALLY_HOME to the home of the server that runs.",
            Audience.VERIFIER: "Set TALLY_HOME to the home of the server that runs.",
        },
    )
    NOT_INITIALIZED = (
        "not_initialized",
        "This has not been set up yet, or not completely.",
        "Its operator has to set it up.",
        {
            Audience.ISSUER: "Run `tally issuer init`, or set TALLY_HOME to where that was done.",
            Audience.VERIFIER: "Run `tally verifier init`, or set TALLY_HOME to where that was done.",
            Audience.OPERATOR: "Run `tally ledger init` or `tally ledger node init`, or set TALLY_HOME to "
            "where that was done.",
        },
    )
    SIGNING_KEY_REPLACED = (
        "signing_key_replaced",
        "The signing key here is not the one that the institution's DID lists on its ledger.",
        "Put the newest key ring back in its place: this one is older than the last rotation.",
    )
    POLICY_INVALID = (
        "policy_invalid",
        "The policy cannot be used.",
        "Correct it; the detail names the place.",
        {
            Audience.DEVELOPER: "Tell the service's operator.",
        },
    )
    SETTINGS_INVALID = (
        "settings_invalid",
        "A setting cannot be used.",
        "Correct it; the detail names the place.",
    )
    LINK_INVALID = (
        "link_invalid",
        "This is neither a link nor a file that can be read.",
        "Paste the whole link, or give the path of a file or a picture.",
    )
    PATH_INVALID = (
        "path_invalid",
        "No file can be there.",
        "Give the path of a file, such as ~/tally-backup.",
    )
    PATH_IS_FOLDER = (
        "path_is_folder",
        "This is a folder, and a file is wanted.",
        "Add the name of a file in it, such as wallet.backup.",
    )
    LEDGER_ADDRESS_INVALID = (
        "ledger_address_invalid",
        "This is not the address of a ledger.",
        "Give the whole of it, as its operator says it.",
    )
    INPUT_REQUIRED = (
        "input_required",
        "Something that is needed was not given.",
        "Give it; the detail says what it is.",
    )
    DECLINED = (
        "declined",
        "You declined.",
        "Nothing was sent and nothing was changed.",
    )
    ADDRESS_UNAVAILABLE = (
        "address_unavailable",
        "This address cannot be listened on: it is taken, or not of this machine.",
        "Stop the other program, or choose another with --listen and --port.",
    )
    CLIPBOARD_UNAVAILABLE = (
        "clipboard_unavailable",
        "The clipboard cannot be read from here.",
        "Save the picture as a file and give that; or install what the detail names.",
    )
    NOT_FOUND = (
        "not_found",
        "There is no such thing here.",
        "Check the name or address.",
    )
    METHOD_NOT_ALLOWED = (
        "method_not_allowed",
        "This address does not take requests of this method.",
        "See /docs for what it takes.",
    )
    MEDIA_TYPE_UNSUPPORTED = (
        "media_type_unsupported",
        "The request carries another kind of content than this address reads.",
        "Set Content-Type as /docs says.",
    )
    REQUEST_TOO_SLOW = (
        "request_too_slow",
        "The request did not arrive in time.",
        "Try again over a better connection.",
    )
    USAGE_INVALID = (
        "usage_invalid",
        "The command was not used as it should be.",
        "See `--help`.",
    )
    INTERNAL_ERROR = (
        "internal_error",
        "The program made a mistake.",
        "Please report it; nothing was accepted because of it.",
    )


_BY_WORD = {code.value: code for code in Code}


def find_code(word: str) -> Code | None:
    """The code with this word, None if there is none; for errors that arrive over the wire."""
    return _BY_WORD.get(word)
