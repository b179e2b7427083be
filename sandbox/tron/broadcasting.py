"""What a node checks before it takes a transaction, in the order in which a real one does."""

from __future__ import annotations

from typing import Any

from tronpy.keys import PublicKey, Signature

from sandbox.tron.chain import Chain
from sandbox.tron.execution import Invalid, invalid
from sandbox.tron.transactions import Tx, decode

EXPIRATION_MAX_MS = 24 * 60 * 60 * 1000
SIZE_MAX = 500 * 1024
RECENT_BLOCKS = 65_536


def broadcast(chain: Chain, signed: bytes, head: int) -> tuple[Tx, Invalid | None]:
    """Into the pool, or why not. `head` is the newest block that the node knows. ValueError: it is no transaction."""
    tx = decode(signed)
    try:
        _check(chain, tx, head)
        chain.submit(tx)
    except Invalid as no:
        return tx, no
    return tx, None


def _check(chain: Chain, tx: Tx, head: int) -> None:
    head_at = chain.known(head).at
    expired = Invalid("TRANSACTION_EXPIRATION_ERROR", "Transaction expired")
    if tx.raw.expiration <= max(head_at, chain.clock()):
        raise expired
    _check_signature(tx)
    if not _ref_block_is_known(chain, tx, head):
        raise Invalid("TAPOS_ERROR", "Tapos check error.")
    if tx.size > SIZE_MAX:
        raise Invalid("TOO_BIG_TRANSACTION_ERROR", f"Too big transaction, TxId {tx.id}, the size is {tx.size} bytes")
    if tx.raw.expiration > head_at + EXPIRATION_MAX_MS:
        raise expired
    if chain.holds(tx.id):
        raise Invalid("DUP_TRANSACTION_ERROR", "Dup transaction.")
    if len(tx.raw.contract) != 1:
        raise invalid(f"tx {tx.id} contract size should be exactly 1, actual :{len(tx.raw.contract)}")


def _check_signature(tx: Tx) -> None:
    def wrong(why: str) -> Invalid:
        return Invalid("SIGERROR", f"Validate signature error: {why}")

    if not tx.signed.signature:
        raise wrong("miss sig or contract")
    if len(tx.signed.signature) > 1:
        raise wrong(f"Signature count is {len(tx.signed.signature)} more than key counts of permission : 1")
    given = tx.signed.signature[0]
    try:
        signer = PublicKey.recover_from_msg_hash(bytes.fromhex(tx.id), Signature(given)).to_base58check_address()
    except Exception as no:  # noqa: BLE001  the library fails in many ways on what is no signature
        raise wrong(f"Signature size is {len(given)}" if len(given) != 65 else str(no)) from None
    if tx.owner and signer != tx.owner:
        raise wrong(f"{given.hex()} is signed by {signer} but it is not contained of permission.")


def _ref_block_is_known(chain: Chain, tx: Tx, head: int) -> bool:
    number = head - ((head - int.from_bytes(tx.raw.ref_block_bytes, "big")) % RECENT_BLOCKS)
    block = chain.block(number)
    return len(tx.raw.ref_block_bytes) == 2 and block is not None and block.id[16:32] == tx.raw.ref_block_hash.hex()


def hex_answer(tx: Tx, no: Invalid | None) -> dict[str, Any]:
    """As broadcasthex answers: words plain."""
    return {
        "result": no is None,
        "code": no.code if no else "SUCCESS",
        "message": no.message if no else "",
        "transaction": tx.signed.SerializeToString().hex(),
        "txid": tx.id,
    }


def json_answer(tx: Tx, no: Invalid | None, visible: bool) -> dict[str, Any]:
    """As broadcasttransaction answers: words in hex, unless they are to be readable."""
    if no is None:
        return {"result": True, "txid": tx.id}
    return {"code": no.code, "message": no.message if visible else no.message.encode().hex(), "txid": tx.id}
