-- What wallets held. `wallet` is chain, address and asset; `units` are exact base units in decimal digits; `position` is
-- the slot or block it was true at.
CREATE TABLE balances (
    wallet TEXT NOT NULL,
    at BIGINT NOT NULL,
    units TEXT NOT NULL,
    decimals BIGINT NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (wallet, at)
);
CREATE INDEX balances_at ON balances (at);
