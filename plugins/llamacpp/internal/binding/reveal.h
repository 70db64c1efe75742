#pragma once

namespace {

// An explicit instantiation may name a private member; this one makes it known to member().
template <typename Tag, typename Tag::type Member>
struct reveal {
    friend typename Tag::type member(Tag) { return Member; }
};

} // namespace
