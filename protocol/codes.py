"""The one table of error codes: the word, what it means, and what to do about it.

Doors print from here; docs/errors.md is generated from here. A code never changes once released, its
words may. Rows are grouped by the part that raises them, in the order the checks run.
"""

from enum import StrEnum


class Code(StrEnum):
    """A stable error code; the value is the word on the wire, in logs and in `--json`."""

    meaning: str
    remedy: str

    def __new__(cls, word: str, meaning: str, remedy: str) -> "Code":
        """Make a member that is its word and carries its explanation."""
        member = str.__new__(cls, word)
        member._value_ = word
        member.meaning = meaning
        member.remedy = remedy
        return member

    # Reading: bytes, JSON, base64, numbers
    FORMAT_INVALID = (
        "format_invalid",
        "The text does not have the form its format requires.",
        "Ask the sender for a fresh copy; do not repair it by hand.",
    )
    SIZE_EXCEEDED = (
        "size_exceeded",
        "The input is larger than any honest one needs to be.",
        "Ask the sender for a smaller one.",
    )
    ENCODING_INVALID = (
        "encoding_invalid",
        "Base64url, base64 or base58 text is not in its one canonical spelling.",
        "Ask the sender for a fresh copy; it was damaged or altered on the way.",
    )
    TEXT_INVALID = (
        "text_invalid",
        "The text is not clean UTF-8.",
        "Ask the sender to send UTF-8 without a byte order mark or lone surrogates.",
    )
    JSON_INVALID = ("json_invalid", "The text is not JSON.", "Ask the sender for a fresh copy.")
    JSON_DUPLICATE_MEMBER = (
        "json_duplicate_member",
        "A JSON object names the same member twice, so two readers could see different things.",
        "Do not use it; tell the sender that their software is faulty or someone tampers with it.",
    )
    JSON_NUMBER = (
        "json_number",
        "A JSON number is not one that all readers understand alike.",
        "Ask the sender to keep integers within 2^53-1 and to leave out NaN and infinity.",
    )
    JSON_DEPTH = (
        "json_depth",
        "The JSON is nested deeper than any honest document.",
        "Do not use it; it looks made to exhaust the reader.",
    )
    MEMBER_MISSING = (
        "member_missing",
        "A required member is missing.",
        "Ask the sender for a complete document.",
    )
    MEMBER_INVALID = (
        "member_invalid",
        "A member has the wrong type or a value outside its range.",
        "Ask the sender for a document that follows the specification.",
    )

    # Keys and signatures
    KEY_INVALID = (
        "key_invalid",
        "The key is not one that signatures may be checked with.",
        "Ask the owner for a proper Ed25519 or P-256 public key.",
    )
    ALGORITHM_NOT_ALLOWED = (
        "algorithm_not_allowed",
        "The signature algorithm is not allowed here or does not fit the key.",
        "Ask the signer to use Ed25519 (EdDSA) or ES256.",
    )
    TYPE_MISMATCH = (
        "type_mismatch",
        "A token of one kind was given where another kind is expected.",
        "Send the right token; one made for another purpose is never accepted.",
    )
    CRITICAL_HEADER = (
        "critical_header",
        "The token demands a header extension that is not understood here.",
        "Ask the signer for a token without critical extensions.",
    )
    KEY_SOURCE_FORBIDDEN = (
        "key_source_forbidden",
        "The token tries to bring or point to its own verification key.",
        "Do not trust it; keys come from the issuer's DID, never from the token.",
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
        "Ask for a credential of a trusted issuer, or change the policy if you know this one.",
    )
    ISSUER_KEY_NOT_AUTHORIZED = (
        "issuer_key_not_authorized",
        "The key that signed is not, or was no longer, one of the issuer's keys for issuing.",
        "Ask the holder to get the credential again from its issuer.",
    )

    # Disclosures and claims
    DISCLOSURE_MALFORMED = (
        "disclosure_malformed",
        "A disclosure or a digest does not have the form that RFC 9901 requires.",
        "Ask the sender for a fresh copy; it was altered or made by faulty software.",
    )
    DISCLOSURE_UNREFERENCED = (
        "disclosure_unreferenced",
        "A disclosure was sent that the issuer did not sign a digest for.",
        "Do not trust it; the claim was changed or added after signing.",
    )
    DISCLOSURE_REPEATED = (
        "disclosure_repeated",
        "The same disclosure was sent twice.",
        "Ask the sender to present it again with correct software.",
    )
    DIGEST_REPEATED = (
        "digest_repeated",
        "The same digest appears more than once in the credential.",
        "Do not trust it; ask the issuer for a correct credential.",
    )
    DISCLOSURE_LIMIT_EXCEEDED = (
        "disclosure_limit_exceeded",
        "There are more, larger or deeper disclosures than any honest credential needs.",
        "Do not use it; it looks made to exhaust the reader.",
    )
    CLAIM_NAME_RESERVED = (
        "claim_name_reserved",
        "A disclosed claim uses a name that belongs to the format itself.",
        "Do not trust it; it tries to change how the credential is read.",
    )
    CLAIM_NAME_COLLISION = (
        "claim_name_collision",
        "A disclosed claim would replace another claim of the same name.",
        "Do not trust it; it tries to change a signed claim.",
    )
    CLAIM_NOT_DISCLOSABLE = (
        "claim_not_disclosable",
        "A claim that the checks depend on was made selectively disclosable.",
        "Ask the issuer for a credential that states it openly.",
    )
    HASH_ALGORITHM_NOT_ALLOWED = (
        "hash_algorithm_not_allowed",
        "The digests use a hash function that is not allowed, or name it in the wrong place.",
        "Ask the issuer to use sha-256, sha-384 or sha-512.",
    )
    CLAIM_MISSING = (
        "claim_missing",
        "A claim that must be present is missing.",
        "Ask for a credential that holds it.",
    )
    CLAIM_INVALID = (
        "claim_invalid",
        "A claim has the wrong type or an impossible value.",
        "Ask the issuer for a correct credential.",
    )
    EXPIRED = (
        "expired",
        "Its time of validity is over.",
        "Ask the holder to renew it with the issuer.",
    )
    NOT_YET_VALID = (
        "not_yet_valid",
        "Its time of validity has not begun.",
        "Wait until it is valid, or check the clock of this machine.",
    )
    TYPE_METADATA_INVALID = (
        "type_metadata_invalid",
        "The credential breaks the rules its type declares, or the declaration is damaged.",
        "Ask the issuer to correct the credential or its type.",
    )
    SALT_UNSAFE = (
        "salt_unsafe",
        "A salt is too short or was used before, so a hidden claim could be guessed.",
        "Use a fresh random salt of 128 bits for every disclosure.",
    )

    # Key binding
    KEY_BINDING_MISSING = (
        "key_binding_missing",
        "There is no proof that the presenter holds the key the credential is bound to.",
        "Ask the holder to present it from their own wallet.",
    )
    KEY_BINDING_UNEXPECTED = (
        "key_binding_unexpected",
        "A key binding is attached where a bare credential is expected.",
        "Send the credential without the key binding.",
    )
    HOLDER_KEY_INVALID = (
        "holder_key_invalid",
        "The credential does not name exactly one usable holder key.",
        "Ask the issuer for a credential bound to the holder's key.",
    )
    KEY_BINDING_SIGNATURE_INVALID = (
        "key_binding_signature_invalid",
        "The key binding was not signed by the key the credential is bound to.",
        "Do not trust it; someone else may be presenting a copied credential.",
    )
    NONCE_MISMATCH = (
        "nonce_mismatch",
        "The presentation was not made for this request.",
        "Ask the holder to answer the request again.",
    )
    AUDIENCE_MISMATCH = (
        "audience_mismatch",
        "The presentation was made for another verifier.",
        "Do not use it; it may have been passed on. Ask the holder to present to you.",
    )
    KEY_BINDING_NOT_FRESH = (
        "key_binding_not_fresh",
        "The presentation is older, or newer, than the policy allows.",
        "Ask the holder to present again, and check the clocks on both sides.",
    )
    PRESENTATION_HASH_MISMATCH = (
        "presentation_hash_mismatch",
        "The key binding covers another set of disclosures than the one that was sent.",
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
        "The status list is not signed by the issuer.",
        "Try again later; tell the issuer if it stays so.",
    )
    STATUS_SUBJECT_MISMATCH = (
        "status_subject_mismatch",
        "The status list is another one than the credential names.",
        "Try again later; tell the issuer if it stays so.",
    )
    STATUS_EXPIRED = (
        "status_expired",
        "The status list is out of date.",
        "Try again when the issuer has published a new one.",
    )
    STATUS_ROLLBACK = (
        "status_rollback",
        "The status list is older than one already seen.",
        "Do not rely on it; tell the issuer.",
    )
    STATUS_LIST_MALFORMED = (
        "status_list_malformed",
        "The status list cannot be read.",
        "Try again later; tell the issuer if it stays so.",
    )
    STATUS_INDEX_OUT_OF_RANGE = (
        "status_index_out_of_range",
        "The credential points outside its status list.",
        "Do not trust it; ask the issuer for a correct credential.",
    )
    STATUS_UNAVAILABLE = (
        "status_unavailable",
        "The status list could not be had, so nobody knows whether the credential was revoked.",
        "Try again later, or decide by policy what an unknown status is worth.",
    )
    CREDENTIAL_REVOKED = (
        "credential_revoked",
        "The issuer has revoked this credential.",
        "It can no longer be used. The holder should ask the issuer why.",
    )
    CREDENTIAL_SUSPENDED = (
        "credential_suspended",
        "The issuer has suspended this credential.",
        "Try again later; only the issuer can reinstate it.",
    )
    STATUS_UNKNOWN = (
        "status_unknown",
        "The status has a value this verifier does not understand.",
        "Do not accept it; ask the issuer what it means.",
    )
    STATUS_INDEX_TAKEN = (
        "status_index_taken",
        "The status index belongs to another credential already.",
        "Allocate a fresh random index.",
    )
    STATUS_FINAL = (
        "status_final",
        "A revoked credential cannot be reinstated.",
        "Issue a new credential instead.",
    )

    # DIDs
    DID_INVALID = (
        "did_invalid",
        "The text is not a DID or DID URL of its method.",
        "Check the identifier for typing errors.",
    )
    DID_METHOD_UNSUPPORTED = (
        "did_method_unsupported",
        "DIDs of this method, or of this version of it, are not supported.",
        "Use did:webvh, did:key or did:jwk.",
    )
    DID_NOT_FOUND = (
        "did_not_found",
        "Nothing is published under this DID.",
        "Check the DID, or try again later.",
    )
    DID_SCID_MISMATCH = (
        "did_scid_mismatch",
        "The history does not belong to this DID.",
        "Do not trust it; someone put another history in its place.",
    )
    DID_CHAIN_BROKEN = (
        "did_chain_broken",
        "An entry of the DID's history does not follow from the one before.",
        "Do not trust it; the history was altered or cut.",
    )
    DID_TIME_INVALID = (
        "did_time_invalid",
        "The times in the DID's history do not rise, or lie in the future.",
        "Check the clock of this machine; else do not trust it.",
    )
    DID_PROOF_INVALID = (
        "did_proof_invalid",
        "An entry of the DID's history is not properly signed.",
        "Do not trust it; the history was altered.",
    )
    DID_KEY_NOT_AUTHORIZED = (
        "did_key_not_authorized",
        "An entry was signed by a key that may not change this DID.",
        "Do not trust it; someone tried to take the DID over.",
    )
    DID_PREROTATION_VIOLATED = (
        "did_prerotation_violated",
        "A new key was not among those the owner had committed to in advance.",
        "Do not trust it; someone tried to take the DID over.",
    )
    DID_PARAMETERS_INVALID = (
        "did_parameters_invalid",
        "The parameters of the DID's history break the rules of did:webvh.",
        "Ask the owner to publish a correct history.",
    )
    DID_WITNESS_MISSING = (
        "did_witness_missing",
        "Not enough of the DID's own witnesses approved this entry.",
        "Wait until they have, or ask the owner.",
    )
    DID_DEACTIVATED = (
        "did_deactivated",
        "The owner has deactivated this DID.",
        "Nothing signed in its name should be accepted any more.",
    )
    DID_DOCUMENT_INVALID = (
        "did_document_invalid",
        "The DID document breaks its own rules.",
        "Ask the owner to publish a correct document.",
    )
    DID_ROLLBACK = (
        "did_rollback",
        "The history is shorter than one already seen.",
        "Do not trust it; someone hides recent changes.",
    )
    DID_FORK = (
        "did_fork",
        "Two different histories of the same DID exist.",
        "Do not trust either; keep both as evidence and tell the owner.",
    )

    # The log
    LEDGER_NOT_TRUSTED = (
        "ledger_not_trusted",
        "The DID lives on a ledger that is not trusted here.",
        "If you know who runs it, trust it: in the wallet with `tally trust`, elsewhere in the settings.",
    )
    LOG_PROOF_INVALID = (
        "log_proof_invalid",
        "The proof does not lead from the entry to the root of the log.",
        "Do not trust it; ask the ledger for a fresh proof.",
    )
    LOG_CONSISTENCY_INVALID = (
        "log_consistency_invalid",
        "The log's new state does not contain its old one.",
        "Stop trusting this ledger; keep both checkpoints as evidence.",
    )
    LOG_NOTE_MALFORMED = (
        "log_note_malformed",
        "The signed note or checkpoint cannot be read.",
        "Ask the ledger for a fresh one.",
    )
    LOG_ORIGIN_MISMATCH = (
        "log_origin_mismatch",
        "The checkpoint belongs to another log.",
        "Check which ledger the policy names.",
    )
    LOG_SIGNATURE_INVALID = (
        "log_signature_invalid",
        "A known key's signature on the checkpoint does not match.",
        "Do not trust it; the checkpoint was altered.",
    )
    LOG_QUORUM_MISSING = (
        "log_quorum_missing",
        "Not enough of the trusted cosigners stand behind this checkpoint.",
        "Try again later, or ask the ledger's operator.",
    )
    LOG_POLICY_INVALID = (
        "log_policy_invalid",
        "The trust policy for the log cannot be read or contradicts itself.",
        "Correct the policy file.",
    )
    LOG_FORK = (
        "log_fork",
        "The ledger showed two different states of the same size.",
        "Stop trusting this ledger; keep both checkpoints as evidence.",
    )
    LOG_ROLLBACK = (
        "log_rollback",
        "The ledger shows an older state than one already seen.",
        "Try again later; if it stays so, tell the operator.",
    )
    LOG_STALE = (
        "log_stale",
        "The newest co-signed state of the log is older than the policy allows.",
        "Try again later; if it stays so, ask the operator whether the ledger is alive.",
    )
    LOG_TILE_INVALID = (
        "log_tile_invalid",
        "A part of the log does not fit its checkpoint.",
        "Do not trust it; try another copy of the log.",
    )
    LOG_ENTRY_MISMATCH = (
        "log_entry_mismatch",
        "The proof is for another entry than the one it came with.",
        "Do not trust it; ask the ledger for the right proof.",
    )
    LOG_SELF_CHECK_FAILED = (
        "log_self_check_failed",
        "The stored log no longer matches what was signed, so nothing more is signed.",
        "Restore the storage from a copy that passes `tally ledger check`.",
    )
    ENTRY_NOT_ADMITTED = (
        "entry_not_admitted",
        "The ledger does not admit this record.",
        "Correct the record; the detail says which rule it breaks.",
    )
    ENTRY_TOO_LARGE = (
        "entry_too_large",
        "The record is larger than the ledger admits (16 KiB).",
        "Make the DID document smaller.",
    )
    WRITER_NOT_AUTHORIZED = (
        "writer_not_authorized",
        "Writing to this ledger needs an onboarding token of its operator.",
        "Ask the operator for one.",
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
    )
    ISSUER_METADATA_MISMATCH = (
        "issuer_metadata_mismatch",
        "The issuer's metadata names another issuer than the offer.",
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
        "Use the pre-authorized code of an offer.",
    )
    TRANSACTION_CODE_REQUIRED = (
        "transaction_code_required",
        "The offer needs the transaction code that the issuer sent separately.",
        "Enter it with --tx-code.",
    )
    ACCESS_TOKEN_INVALID = (
        "access_token_invalid",
        "The access token is missing, wrong or has expired.",
        "Start again from the offer.",
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
        "Ask the verifier for a correct request.",
    )
    REQUEST_CLIENT_UNVERIFIED = (
        "request_client_unverified",
        "Who asks could not be established.",
        "Do not answer; ask the verifier for a properly signed request.",
    )
    REQUEST_EXPIRED = (
        "request_expired",
        "The request is too old.",
        "Ask the verifier for a new one.",
    )
    REQUEST_NOT_FOUND = (
        "request_not_found",
        "There is no such request.",
        "Ask the verifier for a new one.",
    )
    QUERY_INVALID = (
        "query_invalid",
        "The query for credentials breaks the rules of DCQL.",
        "Ask the verifier for a correct request.",
    )
    QUERY_NOT_SATISFIED = (
        "query_not_satisfied",
        "What was presented is not what was asked for.",
        "Ask the holder to answer the request again.",
    )
    NOTHING_MATCHES = (
        "nothing_matches",
        "No credential in the wallet answers this request.",
        "Get the credential that is missing, then answer again.",
    )
    RESPONSE_INVALID = (
        "response_invalid",
        "The response cannot be read.",
        "Ask the holder to answer the request again.",
    )
    PRESENTATION_REPLAYED = (
        "presentation_replayed",
        "This request has been answered already.",
        "Start a new request.",
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
    )
    TRANSACTION_DATA_UNSUPPORTED = (
        "transaction_data_unsupported",
        "The request asks to confirm a transaction this wallet does not understand.",
        "Do not answer; use a wallet made for it.",
    )
    RESPONSE_REFUSED = (
        "response_refused",
        "The verifier did not accept the response.",
        "Read its answer; ask for a new request if you want to try again.",
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
        "The answer is larger than allowed.",
        "Try again later; tell the operator if it stays so.",
    )
    NETWORK_TIMEOUT = (
        "network_timeout",
        "The answer took too long.",
        "Try again later.",
    )
    NETWORK_TLS_INVALID = (
        "network_tls_invalid",
        "The server could not prove who it is.",
        "Do not go on; tell the operator.",
    )
    NETWORK_CONTENT_TYPE = (
        "network_content_type",
        "The answer is of another kind than expected.",
        "Check the address.",
    )
    NETWORK_UNREACHABLE = (
        "network_unreachable",
        "The server could not be reached.",
        "Check the address and the connection, then try again.",
    )
    NETWORK_STATUS = (
        "network_status",
        "The server answered with an error.",
        "Try again later; tell the operator if it stays so.",
    )
    NETWORK_BUSY = (
        "network_busy",
        "Too many requests to this server are waiting already.",
        "Try again later.",
    )

    # Storage and the wallet's vault
    VAULT_MISSING = (
        "vault_missing",
        "There is no sealed file here.",
        "Make one with the `init` command, or set TALLY_HOME to where it is.",
    )
    VAULT_EXISTS = (
        "vault_exists",
        "There is something here already, and it is not overwritten.",
        "Choose another place, or remove the old one yourself.",
    )
    VAULT_DAMAGED = (
        "vault_damaged",
        "The sealed file was damaged or altered.",
        "Restore the previous generation that lies beside it, or a backup.",
    )
    VAULT_VERSION = (
        "vault_version",
        "The sealed file was written by a version this program does not know.",
        "Update Tallystick.",
    )
    VAULT_PARAMETERS = (
        "vault_parameters",
        "The sealed file asks for a weaker or costlier unlocking than is allowed.",
        "Do not use it; restore a backup.",
    )
    PASSPHRASE_WRONG = (
        "passphrase_wrong",
        "That passphrase does not open it.",
        "Try again; nobody can reset it.",
    )
    VAULT_LOCKED = (
        "vault_locked",
        "Another process is using it.",
        "Close the other one first.",
    )
    VAULT_CHANGED = (
        "vault_changed",
        "Another process changed it in the meantime.",
        "Open it again and repeat the change.",
    )
    VAULT_PERMISSIONS = (
        "vault_permissions",
        "Others on this machine could read or replace it.",
        "Take their rights away (folder 0700, file 0600, your own), then try again.",
    )
    VAULT_ROLLBACK = (
        "vault_rollback",
        "The file is older than the one last used here.",
        "If you restored it on purpose, accept it with `tally doctor --accept-rollback`.",
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
    DATABASE_DAMAGED = (
        "database_damaged",
        "The database file is damaged.",
        "Stop the service and restore the database from a backup.",
    )
    RECOVERY_PHRASE_INVALID = (
        "recovery_phrase_invalid",
        "These are not the 24 words of a recovery phrase.",
        "Check the spelling and the order of the words.",
    )
    CREDENTIAL_NOT_FOUND = (
        "credential_not_found",
        "There is no such credential here.",
        "See what there is with `tally list`.",
    )
    COPIES_USED_UP = (
        "copies_used_up",
        "Every copy of this credential has been used once.",
        "Fetch new copies from the issuer.",
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
        "See the types with `tally issuer type`.",
    )
    MANAGEMENT_KEY_INVALID = (
        "management_key_invalid",
        "The management key is missing or wrong.",
        "Use the key that `init` made.",
    )
    NOT_INITIALIZED = (
        "not_initialized",
        "This has not been set up yet.",
        "Run the `init` command first.",
    )
    POLICY_INVALID = (
        "policy_invalid",
        "The policy file cannot be used.",
        "Correct it; the detail names the place.",
    )
    SETTINGS_INVALID = (
        "settings_invalid",
        "The settings file cannot be used.",
        "Correct it; the detail names the place.",
    )
    INPUT_REQUIRED = (
        "input_required",
        "Something is missing that cannot be asked for here.",
        "Give it as the option the detail names.",
    )
    DECLINED = (
        "declined",
        "You declined.",
        "Nothing was sent and nothing was changed.",
    )
    NOT_FOUND = (
        "not_found",
        "There is nothing under this address.",
        "Check the address.",
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
