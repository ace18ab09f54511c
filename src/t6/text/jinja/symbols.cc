#include "t6/text/jinja/symbols.h"

namespace t6::jinja {

std::optional<Symbols::Place> Symbols::find_in_scope(const std::string& name) const {
  for (const Symbols* symbols = this; symbols != nullptr; symbols = symbols->base_) {
    const auto found = symbols->slots_.find(name);
    if (found != symbols->slots_.end()) return Place{function_, found->second};
  }
  return std::nullopt;
}

std::optional<Symbols::Place> Symbols::find(const std::string& name) const {
  for (const Symbols* scope = this; scope != nullptr; scope = scope->parent_) {
    if (const auto place = scope->find_in_scope(name)) return place;
  }
  return std::nullopt;
}

bool Symbols::stores(const std::string& name) const {
  for (const Symbols* symbols = this; symbols != nullptr; symbols = symbols->base_) {
    if (symbols->stores_.contains(name)) return true;
  }
  return false;
}

Variable Symbols::relative(const Place& place) const { return {function_->depth - place.function->depth, place.slot}; }

void Symbols::define(const std::string& name, Load load, bool loads) {
  const auto [place, added] = slots_.try_emplace(name, function_->slots);
  if (added) ++function_->slots;
  load.slot = place->second;
  loads_.erase(load.slot);
  if (loads) loads_.emplace(load.slot, std::move(load));
}

void Symbols::load(const std::string& name) {
  if (!find(name)) define(name, {0, Load::From::context, {}, name}, true);
}

void Symbols::store(const std::string& name) {
  stores_.insert(name);
  if (find_in_scope(name)) return;
  const auto outer = parent_ == nullptr ? std::nullopt : parent_->find(name);
  if (outer) {
    define(name, {0, Load::From::outer, relative(*outer), {}}, true);
  } else {
    define(name, {0, Load::From::nothing, {}, {}}, true);
  }
}

void Symbols::declare(const std::string& name) {
  stores_.insert(name);
  define(name, {}, false);
}

void Symbols::merge(const std::vector<Symbols>& branches) {
  std::set<std::string> stored;
  for (const Symbols& branch : branches) {
    for (const std::string& name : branch.stores_) {
      if (!stores(name)) stored.insert(name);
    }
  }
  for (const Symbols& branch : branches) {
    for (const auto& [name, slot] : branch.slots_) {
      // Another branch may have given the name a slot of its own; names are bound only after the merge, so one will do.
      const auto load = branch.loads_.find(slot);
      if (load != branch.loads_.end()) define(name, load->second, true);
    }
  }
  // What only some branches set keeps its outer value in the others.
  for (const std::string& name : stored) {
    if (!slots_.contains(name)) continue;  // the scope's own from before this condition; its merge will come here
    const auto outer = parent_ == nullptr ? std::nullopt : parent_->find(name);
    define(name, outer ? Load{0, Load::From::outer, relative(*outer), {}} : Load{0, Load::From::context, {}, name},
           true);
  }
  for (const Symbols& branch : branches) stores_.insert(branch.stores_.begin(), branch.stores_.end());
}

Variable Symbols::variable(const std::string& name) const { return relative(*find(name)); }

Scope Symbols::scope() const {
  Scope scope;
  for (const auto& [slot, load] : loads_) scope.push_back(load);
  return scope;
}

}  // namespace t6::jinja
