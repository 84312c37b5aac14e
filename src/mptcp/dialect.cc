#include "mptcp/dialect.hh"

#include "crypto/keys.hh"

namespace anabranch::mptcp {
const Dialect kVersion1{
    .version = wire::Version::v1,
    .add_addr_is_signed = true,
    .resets_give_reasons = true,
    .token_of = [](wire::Key key) { return crypto::token_of(key, wire::Version::v1); },
    .first_data_seq = [](wire::Key key) { return crypto::idsn_of(key, wire::Version::v1); },
};
}  // namespace anabranch::mptcp
