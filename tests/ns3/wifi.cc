/* The scene of compare.h in ns-3. 802.11a has the times that our radio has (slot 9 us, SIFS 16 us,
 * preamble and SIGNAL 20 us); the frequency plays no part, as losses come as a matrix. */
#include "compare.h"

#include <ns3/constant-position-mobility-model.h>
#include <ns3/double.h>
#include <ns3/node-container.h>
#include <ns3/packet.h>
#include <ns3/propagation-delay-model.h>
#include <ns3/propagation-loss-model.h>
#include <ns3/rng-seed-manager.h>
#include <ns3/simulator.h>
#include <ns3/string.h>
#include <ns3/wifi-helper.h>
#include <ns3/wifi-mac-helper.h>
#include <ns3/wifi-net-device.h>
#include <ns3/yans-wifi-channel.h>
#include <ns3/yans-wifi-helper.h>

#include <vector>

using namespace ns3;

namespace
{

constexpr uint16_t PROTOCOL = 0x88b5; /* IEEE 802: for experiments */

struct Run {
    const ns3_scene *scene;
    uint32_t *received;
    NetDeviceContainer devices;
};

void Send(const Run *run, int from)
{
    std::vector<uint8_t> bytes(run->scene->payload_len);
    bytes.at(0) = static_cast<uint8_t>(from >> 8);
    bytes.at(1) = static_cast<uint8_t>(from);
    run->devices.Get(static_cast<uint32_t>(from))
        ->Send(Create<Packet>(bytes.data(), static_cast<uint32_t>(bytes.size())),
               Mac48Address::GetBroadcast(), PROTOCOL);
}

bool Receive(const Run *run, Ptr<NetDevice> device, Ptr<const Packet> packet, uint16_t,
             const Address &)
{
    uint8_t from[2];
    packet->CopyData(from, sizeof(from));
    auto count = static_cast<uint32_t>(run->scene->station_count);
    run->received[(from[0] << 8 | from[1]) * count + device->GetNode()->GetId()]++;
    return true;
}

Ptr<MatrixPropagationLossModel> PlaceAll(const ns3_scene &scene, const NodeContainer &nodes)
{
    auto loss = CreateObject<MatrixPropagationLossModel>();
    auto count = static_cast<uint32_t>(scene.station_count);
    std::vector<Ptr<MobilityModel>> places;
    for (uint32_t i = 0; i < count; i++) {
        places.push_back(CreateObject<ConstantPositionMobilityModel>());
        nodes.Get(i)->AggregateObject(places.back());
    }
    for (uint32_t from = 0; from < count; from++)
        for (uint32_t to = 0; to < count; to++)
            if (from != to)
                loss->SetLoss(places[from], places[to], scene.loss_db[from * count + to], false);
    return loss;
}

NetDeviceContainer InstallRadios(const ns3_scene &scene, const NodeContainer &nodes)
{
    auto channel = CreateObject<YansWifiChannel>();
    channel->SetPropagationLossModel(PlaceAll(scene, nodes));
    channel->SetPropagationDelayModel(CreateObject<ConstantSpeedPropagationDelayModel>());
    YansWifiPhyHelper phy;
    phy.SetChannel(channel);
    phy.Set("TxPowerStart", DoubleValue(scene.power_dbm));
    phy.Set("TxPowerEnd", DoubleValue(scene.power_dbm));
    phy.SetPreambleDetectionModel("ns3::ThresholdPreambleDetectionModel");
    phy.SetFrameCaptureModel("ns3::SimpleFrameCaptureModel");
    WifiMacHelper mac;
    mac.SetType("ns3::AdhocWifiMac");
    WifiHelper wifi;
    wifi.SetStandard(WIFI_STANDARD_80211a);
    wifi.SetRemoteStationManager("ns3::ConstantRateWifiManager", "DataMode",
                                 StringValue("OfdmRate6Mbps"), "NonUnicastMode",
                                 StringValue("OfdmRate6Mbps"));
    return wifi.Install(phy, mac, nodes);
}

} // namespace

void ns3_broadcast(const ns3_scene *scene, uint32_t *received)
{
    RngSeedManager::SetSeed(scene->seed);
    NodeContainer nodes;
    nodes.Create(static_cast<uint32_t>(scene->station_count));
    Run run = {scene, received, InstallRadios(*scene, nodes)};
    for (uint32_t i = 0; i < run.devices.GetN(); i++)
        run.devices.Get(i)->SetReceiveCallback(MakeBoundCallback(&Receive, &run));
    for (size_t i = 0; i < scene->send_count; i++)
        Simulator::Schedule(MicroSeconds(scene->sends[i].at_us), &Send, &run, scene->sends[i].from);
    Simulator::Run();
    Simulator::Destroy();
}
